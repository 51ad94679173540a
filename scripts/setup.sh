#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Installs what is needed to build and test Renoir on Debian 12. May be run again at any time; does
# nothing, and asks for no rights, when all is there.
#
#     scripts/setup.sh            compiler, CMake, Ninja, strace
#     scripts/setup.sh --bench    also what the benchmarks compare with, and gnuplot
#     scripts/setup.sh --cross    also compilers for aarch64, armv7 and musl, and qemu
#     scripts/setup.sh --check    also clang, its tools and sanitizers, and spin
set -eu

packages='gcc g++ libc6-dev make cmake ninja-build pkg-config python3 strace'
commands='gcc g++ make cmake ninja pkg-config python3 strace'

while [ $# -gt 0 ]; do
    case $1 in
    --bench)
        packages="$packages libck-dev libdpdk-dev libboost-dev liburcu-dev gnuplot-nox"
        commands="$commands gnuplot"
        ;;
    --cross)
        packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf"
        packages="$packages libc6-dev-armhf-cross musl-tools qemu-user-static"
        commands="$commands aarch64-linux-gnu-gcc arm-linux-gnueabihf-gcc musl-gcc"
        commands="$commands qemu-aarch64-static qemu-arm-static"
        ;;
    --check)
        packages="$packages clang clang-format clang-tidy libclang-rt-14-dev spin"
        commands="$commands clang clang-format clang-tidy spin"
        ;;
    -h | --help)
        sed -n '4,10s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        echo "setup: unknown option $1 (--bench, --cross, --check)" >&2
        exit 2
        ;;
    esac
    shift
done

fail() {
    echo "setup: $1" >&2
    exit 1
}

# Runs a command as root, or says how.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        fail "this needs root and there is no sudo: run scripts/setup.sh as root once ($*)"
    fi
}

# The tests and the library read /proc; objects live in /dev/shm. A bare chroot may lack both.
check_machine() {
    if [ ! -e /proc/self/maps ]; then
        echo "setup: /proc is not mounted: mounting it"
        as_root mount -t proc proc /proc ||
            fail "cannot mount /proc (from outside: mount --bind /proc <folder>/proc)"
    fi
    if [ ! -d /dev/shm ]; then
        echo "setup: /dev/shm is missing: making it"
        as_root mkdir -m 1777 -p /dev/shm || fail "cannot make /dev/shm"
    fi
    if [ ! -w /dev/shm ]; then
        fail "/dev/shm is not writable (mount -t tmpfs -o mode=1777 tmpfs /dev/shm)"
    fi
}

missing_packages() {
    for package in $packages; do
        # In this form the answer is empty for an unknown package, and "not-installed" for a
        # removed one.
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || printf '%s ' "$package"
    done
}

check_machine

if ! command -v apt-get >/dev/null 2>&1; then
    for command in $commands; do
        command -v "$command" >/dev/null 2>&1 ||
            fail "this is not Debian, and $command is missing: install it and start again"
    done
    echo "setup: not Debian; all commands are there"
    exit 0
fi

missing=$(missing_packages)
if [ -z "$missing" ]; then
    echo "setup: nothing to install"
    exit 0
fi

echo "setup: installing $missing"
# shellcheck disable=SC2086 # a list of words on purpose
{
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -q update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 \
            install --no-install-recommends $missing >"${TMPDIR:-/tmp}/renoir-setup.$$.log" 2>&1
} || {
    tail -n 20 "${TMPDIR:-/tmp}/renoir-setup.$$.log" 2>/dev/null >&2 || true
    fail "apt-get could not install them; the lines above say why"
}
rm -f "${TMPDIR:-/tmp}/renoir-setup.$$.log"

missing=$(missing_packages)
[ -z "$missing" ] || fail "still missing: $missing"
echo "setup: done"
