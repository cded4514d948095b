#!/usr/bin/env bash
# xplat.sh - compile-check, link and run (Wine) the Windows code, and compile-check the
# macOS code, on a Debian 12 machine whose rustup can download nothing.
#
#   xplat.sh setup            prepare everything under $XPLAT_DIR   (about 6 minutes, once per machine);
#                             where a target alone is missing, only that is added (about a minute)
#   xplat.sh win   check|clippy|build|test|run  [cargo args]        target x86_64-pc-windows-gnu
#   xplat.sh mac   check|clippy                 [cargo args]        target aarch64-apple-darwin
#   xplat.sh intel check|clippy                 [cargo args]        target x86_64-apple-darwin
#   xplat.sh macs  check|clippy                 [cargo args]        both of them in one go
#   xplat.sh wine FILE.exe|FILE.msi ...        run a program (or: xplat.sh wine msiexec /i X.msi /qn)
#   xplat.sh env              print the variables for use in another shell
#
# How: the std of each target is built once from Debian's rust-src package of EXACTLY the rustc in
# use (Debian signs it; only public apt suites of the already configured mirror are read, in a private
# apt directory) and put into a private copy (hard links) of the toolchain.  RUSTC_BOOTSTRAP is set for
# that one build only, so the product itself is compiled as stable Rust.
set -euo pipefail
X=${XPLAT_DIR:-$HOME/.cache/xplat}
WIN=x86_64-pc-windows-gnu
MAC=aarch64-apple-darwin
INTEL=x86_64-apple-darwin
TARGETS=${XPLAT_TARGETS:-"$WIN $MAC $INTEL"}
say() { printf 'xplat: %s\n' "$*" >&2; }

private_apt() { # $1 = apt-get / apt-cache, rest = args
    "$1" -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$X/apt/etc" \
         -o Dir::State::lists="$X/apt/lists" -o Dir::Cache="$X/apt/cache" \
         -o APT::Sandbox::User=root -q "${@:2}"
}

setup_apt_lists() {
    mkdir -p "$X/apt/etc" "$X/apt/lists/partial" "$X/apt/cache/archives/partial"
    local base sec key=/usr/share/keyrings/debian-archive-keyring.gpg
    base=$(sed -n 's/^URIs: *\(.*\/debian\)\/*$/\1/p' /etc/apt/sources.list.d/debian.sources | head -1)
    sec=$(sed -n 's/^URIs: *\(.*debian-security\)\/*$/\1/p' /etc/apt/sources.list.d/debian.sources | head -1)
    : > "$X/apt/etc/x.sources"
    for s in trixie-backports sid; do
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' "$base" "$s" "$key" >> "$X/apt/etc/x.sources"
    done
    printf 'Types: deb\nURIs: %s\nSuites: bookworm-security\nComponents: main\nSigned-By: %s\n' "$sec" "$key" >> "$X/apt/etc/x.sources"
    private_apt apt-get update >/dev/null
}

# The private toolchain stands for the compiler in use: by its own word, or as the fallback for it.
fits() {
    [ -e "$X/tc/bin/rustc" ] && { [ "$(cat "$X/for-rustc" 2>/dev/null)" = "$(rustc -V)" ] ||
        [ "$("$X/tc/bin/rustc" -V 2>/dev/null)" = "$(rustc -V)" ]; }
}

missing_targets() { for t in $TARGETS; do [ -e "$X/tc/lib/rustlib/$t/lib" ] || echo "$t"; done; }

# Others may be compiling with this toolchain: a target appears in it whole or not at all.
build_std() { # target
    local t=$1 seed="$X/seed.$$" new="$X/tc/lib/rustlib/.$1.$$"
    mkdir -p "$seed/src"; : > "$seed/src/lib.rs"
    printf '[package]\nname = "seed"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[profile.release]\ndebug = "line-tables-only"\n' > "$seed/Cargo.toml"
    say "building std for $t"
    (
        cd "$seed"
        export PATH="$X/tc/bin:$PATH" RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT="$X/src/library"
        local std=-Zbuild-std=std,panic_unwind,panic_abort,test,proc_macro crates flags
        # No path of this machine comes from std into a program: see packaging/release/flags.sh. Where the crates
        # that std is made of are unpacked, is known only after they were fetched.
        cargo fetch -q "$std" --target "$t"
        flags="-Cembed-bitcode=yes"$'\x1f'"--remap-path-prefix=$X/src=/rustc"
        for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
            flags+=$'\x1f'"--remap-path-prefix=${crates%/}=/cargo"
        done
        CARGO_TARGET_DIR="$seed/target" CARGO_ENCODED_RUSTFLAGS=$flags cargo build -q --release "$std" --target "$t"
    )
    mkdir -p "$new/lib"
    cp "$seed/target/$t/release/deps/"*.rlib "$new/lib/"; rm -f "$new/lib"/libseed-*.rlib
    # Another may have been quicker.
    mv -T "$new" "$X/tc/lib/rustlib/$t" 2>/dev/null || [ -e "$X/tc/lib/rustlib/$t/lib" ]
    rm -rf "$seed" "$new"
}

setup() {
    mkdir -p "$X"; cd "$X"
    local v sysroot pkg ver rustc cargo t
    v=$(rustc -vV | sed -n 's/^release: //p'); sysroot=$(rustc --print sysroot)
    say "rustc $v"
    if fits && [ -d "$X/src/library" ] && [ -x "$X/winerun" ]; then
        for t in $(missing_targets); do build_std "$t"; done
        rustc -V > "$X/for-rustc"; say "ready"; return
    fi
    rm -rf "$X/tc" "$X/for-rustc"
    # 0. linker, dlltool (std for windows-gnu needs it) and Wine
    local need=
    command -v x86_64-w64-mingw32-gcc >/dev/null || need="gcc-mingw-w64-x86-64"
    [ -x /usr/lib/wine/wine64 ] || need="$need wine wine64"
    if [ -n "$need" ]; then say "apt-get install $need"; apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need >/dev/null; fi
    setup_apt_lists
    # 1. the library source of exactly this rustc, else Debian's own matched pair (rustc-web)
    pkg=; [ -n "${XPLAT_FORCE_DEB:-}" ] || for p in rust-src rust-web-src; do
        ver=$(private_apt apt-cache madison "$p" 2>/dev/null | awk -F' *[|] *' -v v="$v+" 'index($2,v)==1{print $2; exit}')
        [ -n "$ver" ] && { pkg=$p; break; }
    done
    mkdir -p debs; cd debs
    if [ -n "$pkg" ]; then
        say "source: $pkg $ver"
        private_apt apt-get download "$pkg=$ver" >/dev/null
        if [ ! -d "$X/tc" ]; then
            mkdir -p "$X/tc"; for d in bin lib libexec etc; do
                [ -e "$sysroot/$d" ] && { cp -al "$sysroot/$d" "$X/tc/" 2>/dev/null || cp -a "$sysroot/$d" "$X/tc/"; }; done
        fi
    else
        pkg=rust-web-src
        v=$(private_apt apt-cache madison rust-web-src | awk -F' *[|] *' '$2~/deb12/{print $2; exit}'); ver=$v; v=${v%%+*}
        local llvm; llvm=$(private_apt apt-cache madison libllvm22 | awk -F' *[|] *' '$2~/deb12/{print $2; exit}')
        say "no rust-src for this rustc in any suite: using Debian's rustc-web $ver privately"
        private_apt apt-get download "rustc-web=$ver" "rust-web-src=$ver" "libstd-rust-web-dev=$ver" "libstd-rust-web-${v%.*}=$ver" "libllvm22=$llvm" >/dev/null
        for f in rustc-web_* libstd-rust-web* libllvm22_*; do dpkg -x "$f" "$X/tcdeb"; done
        mkdir -p "$X/tc/bin"; ln -sfn "$X/tcdeb/usr/lib" "$X/tc/lib"
        # (clippy does not work in this mode: rustup's clippy-driver is of another version)
        printf '#!/bin/sh\nexport LD_LIBRARY_PATH=%s/tcdeb/usr/lib/x86_64-linux-gnu\nexec %s/tcdeb/usr/bin/rustc "$@"\n' "$X" "$X" > "$X/tc/bin/rustc"
        chmod +x "$X/tc/bin/rustc"; for b in cargo; do ln -sfn "$sysroot/bin/$b" "$X/tc/bin/$b"; done
    fi
    rm -rf "$X/src"; mkdir -p "$X/src"
    dpkg-deb --fsys-tarfile ${pkg}_${v}*_all.deb | tar x -C "$X/src" --wildcards "./usr/src/rustc-$v/library" --strip-components=4
    # 2. std for the targets, once
    for t in $(missing_targets); do build_std "$t"; done
    # 3. Wine 8.0 has no bcryptprimitives.dll, which Rust's std imports (ProcessPrng).  Test stand-in, never shipped.
    cat > "$X/bcp.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE p, SIZE_T n)
{ while (n) { ULONG k = n > 0x10000000 ? 0x10000000 : (ULONG)n; if (!SystemFunction036(p, k)) return FALSE; p += k; n -= k; } return TRUE; }
C
    x86_64-w64-mingw32-gcc -O2 -s -shared -o "$X/bcryptprimitives.dll" "$X/bcp.c" -ladvapi32
    export WINEPREFIX="$X/wine" WINEDEBUG=-all WINEARCH=win64
    /usr/lib/wine/wine64 wineboot -i >/dev/null 2>&1
    /usr/lib/wine/wine64 winecfg /v win10 >/dev/null 2>&1
    [ -e "$X/wine/drive_c/windows/system32/bcryptprimitives.dll" ] || cp "$X/bcryptprimitives.dll" "$X/wine/drive_c/windows/system32/"
    cat > "$X/winerun" <<R
#!/bin/sh
export WINEPREFIX=\${WINEPREFIX:-$X/wine} WINEDEBUG=\${WINEDEBUG:--all} WINEARCH=win64
exec /usr/lib/wine/wine64 "\$@"
R
    chmod +x "$X/winerun"; rustc -V > "$X/for-rustc"; say "ready"
}

env_lines() {
    cat <<E
export PATH="$X/tc/bin:\$PATH"
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER="$X/winerun"
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
export CC_x86_64_pc_windows_gnu=x86_64-w64-mingw32-gcc AR_x86_64_pc_windows_gnu=x86_64-w64-mingw32-ar
export CC_aarch64_apple_darwin=/bin/true AR_aarch64_apple_darwin=/bin/true   # check only: no C is needed
export CC_x86_64_apple_darwin=/bin/true AR_x86_64_apple_darwin=/bin/true
E
}

cmd=${1:-help}; shift || true
case "$cmd" in
  setup) setup ;;
  env) env_lines ;;
  wine) exec "$X/winerun" "$@" ;;
  win|mac|intel|macs)
       sub=$1; shift; eval "$(env_lines)"
       case "$cmd" in
         win) t=(--target "$WIN") ;; mac) t=(--target "$MAC") ;; intel) t=(--target "$INTEL") ;;
         macs) t=(--target "$MAC" --target "$INTEL") ;;
       esac
       CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target/xplat} exec cargo "$sub" "${t[@]}" "$@" ;;
  *) sed -n '2,17p' "$0" ;;
esac
