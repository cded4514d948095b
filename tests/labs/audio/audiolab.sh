#!/usr/bin/env bash
# audiolab.sh: virtual headsets without sound hardware, by a private PulseAudio.
#
# Needs no kernel sound, session bus or display, and works as root in CI. Everything is kept in
# $AUDIOLAB_DIR (default ${TMPDIR:-/tmp}/preshift-audiolab), so that labs can run side by side.
#
#   eval "$(audiolab.sh env)"        the environment of a program under test
#   audiolab.sh start | stop         the sound server, with no device at all
#   audiolab.sh plug KIND NAME       KIND: usb | bt-nb | bt-wb | bt-a2dp | builtin | jack
#   audiolab.sh unplug NAME          pull it out
#   audiolab.sh default NAME         make its speaker and microphone the default ones
#   audiolab.sh play NAME FILE       feed a file into its microphone, in the background
#   audiolab.sh music NAME FILE      play a file on its speaker, in the background
#   audiolab.sh silence NAME         stop both
#   audiolab.sh record NAME          another program that uses its microphone, in the background
#   audiolab.sh mute NAME 0|1        mute its microphone
#   audiolab.sh vol NAME LEVEL       volume of its microphone, such as 50% or -12dB
#   audiolab.sh hang | resume | kill the sound server
#   audiolab.sh list | selftest
#
# A speaker is a null sink. A microphone is a null sink too, the "wire", into which files are
# played, with a source on its monitor that looks like the hardware. "norewinds=1" and a steady
# silent feed keep both at short blocks: a null sink that idles delivers two seconds at a time.
# AUDIOLAB_LATENCY_MS (20) is the feed's; a microphone's blocks are a quarter of it or more.
set -euo pipefail
LAB=${AUDIOLAB_DIR:-${TMPDIR:-/tmp}/preshift-audiolab}
export XDG_RUNTIME_DIR=$LAB/xdg PULSE_RUNTIME_PATH=$LAB/pulse PULSE_STATE_PATH=$LAB/state \
       PULSE_COOKIE=$LAB/cookie PULSE_SERVER=unix:$LAB/pulse/native PULSE_CLIENTCONFIG=$LAB/client.conf
self=$(readlink -f "$0")

properties() { # KIND DESCRIPTION
  local text="device.description='$2'"
  case $1 in
    usb)     text+=" device.bus=usb device.api=alsa device.vendor.id=0b0e device.product.id=0311 device.form_factor=headset device.serial=GN_Audio_A_S_Jabra_EVOLVE_65_LAB";;
    bt-nb)   text+=" device.bus=bluetooth device.api=bluez bluetooth.protocol=headset_head_unit bluetooth.codec=CVSD device.string=00:1B:66:AA:BB:CC device.form_factor=headset";;
    bt-wb)   text+=" device.bus=bluetooth device.api=bluez bluetooth.protocol=headset_head_unit bluetooth.codec=mSBC device.string=00:1B:66:AA:BB:CC device.form_factor=headset";;
    bt-a2dp) text+=" device.bus=bluetooth device.api=bluez bluetooth.protocol=a2dp_sink bluetooth.codec=sbc device.string=00:1B:66:AA:BB:CC device.form_factor=headphone";;
    builtin) text+=" device.bus=pci device.api=alsa device.vendor.id=8086 device.product.id=a0c8 device.form_factor=internal";;
    jack)    text+=" device.bus=pci device.api=alsa device.vendor.id=8086 device.product.id=a0c8 device.form_factor=headphone";;
    *) echo "audiolab: unknown kind $1" >&2; exit 2;;
  esac
  echo "$text"
}
description() {
  case $1 in usb) echo "Annas Jabra";; bt-*) echo "Annas Voyager";; builtin) echo "Built-in Audio";; *) echo "Wired Headset";; esac
}
rate() { case $1 in bt-nb) echo 8000;; bt-wb) echo 16000;; *) echo 48000;; esac; }
background() { # PIDFILE COMMAND...: remembers the process group
  local file=$1; shift
  setsid "$@" </dev/null >/dev/null 2>&1 &
  echo $! >> "$file"
}
end() { # PIDFILE
  [ -f "$1" ] || return 0
  while read -r p; do kill -- "-$p" 2>/dev/null || kill "$p" 2>/dev/null || true; done < "$1"
  rm -f "$1"
}
server() { cat "$LAB/pid"; }

case ${1:-help} in
env) for v in XDG_RUNTIME_DIR PULSE_RUNTIME_PATH PULSE_SERVER PULSE_COOKIE PULSE_CLIENTCONFIG; do echo "export $v=${!v}"; done;;
start)
  mkdir -p "$LAB"/{xdg,pulse,state,mods}; chmod 700 "$LAB/xdg" "$LAB/pulse"
  printf 'autospawn = no\ncookie-file = %s\n' "$PULSE_COOKIE" > "$LAB/client.conf"
  echo "load-module module-native-protocol-unix socket=$LAB/pulse/native auth-anonymous=1 auth-cookie-enabled=0" > "$LAB/lab.pa"
  setsid pulseaudio -n -F "$LAB/lab.pa" --daemonize=no --use-pid-file=no --exit-idle-time=-1 \
     --disable-shm=yes --realtime=no --high-priority=no --log-level=notice --log-target=file:"$LAB/pulse.log" \
     --resample-method=soxr-hq </dev/null >"$LAB/pulse.out" 2>&1 &
  echo $! > "$LAB/pid"
  for _ in $(seq 200); do pactl info >/dev/null 2>&1 && exit 0; sleep 0.05; done
  echo "audiolab: pulseaudio did not come up" >&2; tail -5 "$LAB/pulse.log" >&2; exit 1;;
plug)
  k=$2 n=$3 r=$(rate "$2") p=$(properties "$2" "$(description "$2")") c=2
  case $k in bt-nb|bt-wb) c=1;; esac
  : > "$LAB/mods/$n"
  pactl load-module module-null-sink sink_name="$n.speaker" norewinds=1 rate="$r" channels="$c" format=float32le \
     sink_properties="\"$p\"" >> "$LAB/mods/$n"
  if [ "$k" != bt-a2dp ]; then
    pactl load-module module-null-sink sink_name="$n.wire" norewinds=1 rate=48000 channels=1 format=float32le sink_properties="device.description=LabWire" >> "$LAB/mods/$n"
    pactl load-module module-remap-source source_name="$n.mic" master="$n.wire.monitor" rate="$r" channels=1 format=float32le remix=no \
       source_properties="\"$p\"" >> "$LAB/mods/$n"
    background "$LAB/keep.$n" pacat --playback --raw --rate=48000 --channels=1 --format=s16le --latency-msec="${AUDIOLAB_LATENCY_MS:-20}" --client-name=lab-keepalive -d "$n.wire" /dev/zero
  fi;;
unplug)
  # Without stopping its feeds: pulling out a plug stops nothing either.
  tac "$LAB/mods/$2" | while read -r m; do pactl unload-module "$m" 2>/dev/null || true; done
  rm -f "$LAB/mods/$2"; end "$LAB/keep.$2"; end "$LAB/feeds.$2";;
default) pactl set-default-sink "$2.speaker"; pactl set-default-source "$2.mic" 2>/dev/null || true;;
play)    background "$LAB/feeds.$2" paplay --latency-msec=500 --client-name=lab-feed -d "$2.wire" "$3";;
music)   background "$LAB/feeds.$2" paplay --latency-msec=500 --client-name=lab-music -d "$2.speaker" "$3";;
record)  background "$LAB/feeds.$2" parecord --raw -d "$2.mic" /dev/null;;
silence) end "$LAB/feeds.$2";;
mute)    pactl set-source-mute "$2.mic" "$3";;
vol)     pactl set-source-volume "$2.mic" "$3";;
hang)    kill -STOP "$(server)";;
resume)  kill -CONT "$(server)";;
kill)    kill -KILL "$(server)";;
list)    pactl list short sinks; pactl list short sources; pactl list short source-outputs; pactl info | grep Default;;
stop)
  for f in "$LAB"/feeds.* "$LAB"/keep.*; do end "$f"; done
  if [ -f "$LAB/pid" ]; then
    kill -CONT "$(server)" 2>/dev/null || true; kill "$(server)" 2>/dev/null || true
    for _ in $(seq 40); do kill -0 "$(server)" 2>/dev/null || break; sleep 0.05; done
    kill -KILL "$(server)" 2>/dev/null || true
  fi
  rm -rf "$LAB";;
selftest) # the lab itself, without any program of ours: level, narrow band, volume, mute, unplug
  trap '"$self" stop' EXIT
  "$self" start; "$self" plug usb one; "$self" plug bt-nb two; "$self" default one
  sox -n -r 48000 -c 1 -b 32 -e float "$LAB/t.wav" synth 30 sine 1000 gain -27
  level() {
    timeout 3 parecord -d "$1" --latency-msec=20 --rate=48000 --channels=1 --format=float32le --file-format=wav "$LAB/c.wav" || true
    sox "$LAB/c.wav" -n trim 1 1 stats 2>&1 | awk '/RMS lev/{print $4}'
  }
  expect() {
    awk -v a="$2" -v b="$3" 'BEGIN{if(b=="-inf")exit !(a=="-inf"||a<-120); d=a-b; exit !(d<0.1&&d>-0.1)}' \
      && echo "ok   $1 $2 (want $3)" || { echo "FAIL $1 $2 (want $3)"; exit 1; }
  }
  "$self" play one "$LAB/t.wav"; "$self" play two "$LAB/t.wav"; sleep 0.5
  expect usb "$(level one.mic)" -30.01; expect bluetooth "$(level two.mic)" -30.01
  "$self" vol one -12dB; expect volume "$(level one.mic)" -42.01; "$self" vol one 100%
  "$self" mute one 1; expect muted "$(level one.mic)" -inf
  "$self" unplug one; ! "$self" list | grep -q one.mic && echo "ok   unplug" || { echo "FAIL unplug"; exit 1; };;
*) sed -n 2,25p "$self";;
esac
