#!/usr/bin/env bash
# Installs what building ("build"), packing ("packages", "msi"), testing ("test") and comparing ("bench") need, where it is missing.
# Debian and Ubuntu by apt; elsewhere it says what to install. Says nothing when all is there.
set -euo pipefail

declare -A need=()
want() { # command-or-file package
    if [[ $1 == /* ]]; then [ -e "$1" ] || need[$2]=1; else command -v "$1" >/dev/null || need[$2]=1; fi
}
for part in "$@"; do
    case $part in
    build)
        want cc gcc
        want make make
        want git git
        want pkg-config pkg-config
        want /usr/include/alsa/asoundlib.h libasound2-dev # cpal links it on Linux
        ;;
    packages) # building them
        want dpkg-shlibdeps dpkg-dev
        want rpmbuild rpm
        want jq jq # the SBOM
        ;;
    test)
        want pulseaudio pulseaudio # the audio lab: virtual headsets
        want pactl pulseaudio-utils
        want sox sox
        want espeak-ng espeak-ng
        want ip iproute2 # the network lab: namespaces
        want nft nftables
        want pgrep procps
        want systemd-analyze systemd
        want turnserver coturn # a relay for voice, asked in its tests
        want debootstrap debootstrap # the package test
        want lintian lintian
        want rpmlint rpmlint
        want /usr/lib/python3/dist-packages/jsonschema python3-jsonschema # SBOMs against their schema
        want zip zip # the macOS package
        want unzip unzip
        want chromium chromium # the board, looked at in a real browser
        ;;
    bench) # the tools that the truth table compares with, and what sets a scenario's clock
        want faketime faketime
        want ip iproute2
        want nft nftables
        want irtt irtt
        want fping fping
        want ping iputils-ping
        ;;
    msi)
        want wixl wixl # the Windows package
        want msibuild msitools
        want faketime faketime # the same bytes whenever it is built
        want x86_64-w64-mingw32-objdump binutils-mingw-w64-x86-64
        ;;
    *) echo "setup.sh: unknown part '$part'; use build, packages, msi, bench or test" >&2; exit 64 ;;
    esac
done

sudo=
install() { # packages
    if ! command -v apt-get >/dev/null; then
        echo "Please install what these Debian packages hold: $*" >&2
        exit 1
    fi
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "Please run as root: apt-get install $*" >&2; exit 1; }
        sudo=sudo
    fi
    echo "Installing: $*" >&2
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
if [ ${#need[@]} -gt 0 ]; then install "${!need[@]}"; fi

if ! command -v cargo >/dev/null; then
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        echo "cargo is in ~/.cargo/bin, but not on the PATH: . ~/.cargo/env" >&2
        exit 1
    elif apt-cache policy rustup 2>/dev/null | grep -q 'Candidate: [0-9]'; then
        # Debian 13 and later bring rustup itself.
        install rustup
        rustup default stable
    else
        echo "Rust is missing. Install it from https://rustup.rs and run this again." >&2
        exit 1
    fi
fi
have=$(cargo --version | sed 's/^cargo \([0-9]*\)\.\([0-9]*\).*/\1 \2/')
read -r major minor <<< "$have"
if [ "$major" -lt 2 ] && [ "$minor" -lt 95 ]; then
    echo "Rust 1.95 or later is needed, and this is $(cargo --version): rustup update stable" >&2
    exit 1
fi
