#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Streams a real file from one process to another through shared memory, checks that the same bytes
# arrived, and compares the rate with that of a pipe and of a Unix socket:
#
#     examples/demo.sh BUILD_FOLDER
#
# The file is an archive of what is installed on this machine. Everything temporary lies in
# ${TMPDIR:-/tmp} and in a root of its own below $RENOIR_SHM_PATH or /dev/shm, and is removed.
set -eu

build=${1:?usage: demo.sh BUILD_FOLDER}
cli=$build/bin/renoir-cli
compare=$build/bin/stream_compare
least=$((256 * 1024 * 1024))

for program in "$cli" "$compare"; do
    if [ ! -x "$program" ]; then
        echo "demo: $program is not there: build it first (scripts/build release)" >&2
        exit 1
    fi
done

# Bold on a terminal, plain elsewhere.
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m')
    plain=$(printf '\033[0m')
else
    bold=''
    plain=''
fi
title() {
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

parent=${RENOIR_SHM_PATH:-/dev/shm}
root=$(mktemp -d "$parent/renoir-demo.XXXXXX")
work=$(mktemp -d "${TMPDIR:-/tmp}/renoir-demo.XXXXXX")
receiver=''
clean_up() {
    if [ -n "$receiver" ]; then
        kill "$receiver" 2>/dev/null || true
        wait "$receiver" 2>/dev/null || true
    fi
    rm -rf "$work" "$root"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export RENOIR_SHM_PATH="$root"

size_of() {
    wc -c <"$1" | tr -d ' '
}

# Of a large installation a part is enough; a small one is repeated until there is enough.
make_file() {
    set --
    for folder in /usr/lib /usr/share /usr/bin /usr/include; do
        if [ -d "$folder" ]; then
            set -- "$@" "$folder"
        fi
    done
    tar cf - "$@" 2>/dev/null | head -c $((least + least / 4)) >"$work/original" || true
    once=$(size_of "$work/original")
    if [ "$once" -eq 0 ]; then
        echo "demo: tar made nothing of $*" >&2
        exit 1
    fi
    size=$once
    while [ "$size" -lt "$least" ]; do
        missing=$((least - size))
        if [ "$missing" -gt "$size" ]; then
            missing=$size
        fi
        # Only what was there before is read.
        # shellcheck disable=SC2094
        head -c "$missing" "$work/original" >>"$work/original"
        size=$(size_of "$work/original")
    done
}

title "1  A real file: an archive of this machine's installed files"
make_file
echo "  $size bytes"
if [ "$once" -lt "$size" ]; then
    echo "  (an archive of $once bytes, repeated)"
fi

title "2  Two processes, one ring in shared memory: renoir-cli send, renoir-cli recv"
echo "  renoir-cli recv demo copy &"
echo "  renoir-cli send demo original"
"$cli" recv demo "$work/copy" --timeout 60s --quiet &
receiver=$!
"$cli" send demo "$work/original" --timeout 60s --progress
status=0
wait "$receiver" || status=$?
receiver=''
if [ "$status" -ne 0 ]; then
    echo "demo: the receiver ended with status $status" >&2
    exit 1
fi

echo
echo "  That wrote the copy to a disk. The same without one: recv writes to /dev/null."
"$cli" recv demo /dev/null --timeout 60s --quiet &
receiver=$!
"$cli" send demo "$work/original" --timeout 60s --progress
wait "$receiver"
receiver=''

title "3  SHA-256 at both ends"
sent=$(sha256sum <"$work/original" | cut -d ' ' -f 1)
received=$(sha256sum <"$work/copy" | cut -d ' ' -f 1)
echo "  sent      $sent"
echo "  received  $received"
if [ "$sent" != "$received" ]; then
    echo "demo: the copy differs" >&2
    exit 1
fi
echo "  the same"
rm -f "$work/copy"

title "4  The same file through Renoir, a pipe and a Unix socket"
"$compare" "$work/original"
cat <<'TEXT'
  Conditions: two processes, each on a CPU of its own where there are two; the file is in the page
  cache; read(2) 64 KiB at a time; ring, pipe and socket buffers of 1 MiB; the consumer reads every
  byte and checks the sum; nothing is written to a disk; hashes lie outside the timed part. Rounds
  of the three are interleaved. For more: renoir-cli bench stream
TEXT

title "5  What is left below the root"
left=$(find "$root" -type f | wc -l | tr -d ' ')
find "$root" -type f
echo "  files: $left"
if [ "$left" -ne 0 ]; then
    echo "demo: something was left behind" >&2
    exit 1
fi
title "Done"
