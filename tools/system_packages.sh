#!/usr/bin/env bash
# Installs what pip cannot: the compilers and QEMU that the rings of tests need. As root on Debian through apt, and only
# what is missing; anyone else is told which ring will be skipped and what to install. Never fails for a missing ring.
# On Debian 12 the cross compilers are 35 s of a fast line: RISC-V 203 MB to download, Cortex-M4 93, LX6 75.
set -u

riscv="ring qemu and the figures of rv32imc and rv32imafc"
arm="the Cortex-M4 part of ring qemu and its figures"
lx6="the LX6 (ESP32) part of ring qemu and its figures"

# program, Debian package, what is skipped without it (| separates)
programs=(
    "cc|gcc|every ring with a C compiler (parity, firmware) and all training: the features are C"
    "clang|clang|the second compiler of ring parity"
    "g++|g++|the C++ part of ring firmware: packages for Arduino and ESPHome"
    "cppcheck|cppcheck|one test of ring firmware, static analysis"
    "clang-tidy|clang-tidy|one test of ring firmware, static analysis"
    "frama-c|frama-c-base|ring prove: make prove"
    "riscv64-unknown-elf-gcc|gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf|$riscv"
    "qemu-system-riscv32|qemu-system-misc|$riscv"
    "arm-none-eabi-gcc|gcc-arm-none-eabi picolibc-arm-none-eabi|$arm"
    "qemu-system-arm|qemu-system-arm|$arm"
    "clang-22|clang-22|$lx6"
    "llvm-mc-22|llvm-22|$lx6"
    "xtensa-lx106-elf-ld|binutils-xtensa-lx106|$lx6"
    "qemu-system-xtensa|qemu-system-misc|$lx6"
    "chromium-headless-shell|chromium-headless-shell|ring browser"
    "mosquitto_passwd|openssl mosquitto|ring broker"
)

# Whether a program is there, or another that does as well.
is_there() {
    local names=("$1")
    [ "$1" = chromium-headless-shell ] && names+=(chromium google-chrome) # as in tools/browser.py
    for name in "${names[@]}"; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

missing=()
for row in "${programs[@]}"; do
    is_there "${row%%|*}" || missing+=("$row")
done
# A cross compiler alone is not enough: it needs its C library.
for core in riscv64-unknown-elf arm-none-eabi; do
    if command -v "$core-gcc" >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 &&
        [ ! -e "/usr/lib/picolibc/$core/picolibc.specs" ] && ! dpkg -s "picolibc-$core" >/dev/null 2>&1; then
        [ "$core" = arm-none-eabi ] && without=$arm || without=$riscv
        missing+=("picolibc-$core|picolibc-$core|$without")
    fi
done
# Nor is clang, which may come just now, for fuzzing: it needs libFuzzer.
if command -v dpkg >/dev/null 2>&1 && ! dpkg -s libclang-rt-dev >/dev/null 2>&1; then
    missing+=("libclang-rt-dev|libclang-rt-dev|make fuzz and one test of ring firmware")
fi
[ ${#missing[@]} -eq 0 ] && exit 0

install_packages() {
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}

failed=()
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    export DEBIAN_FRONTEND=noninteractive
    packages=()
    for row in "${missing[@]}"; do
        IFS='|' read -r _ names _ <<<"$row"
        read -r -a names <<<"$names"
        packages+=("${names[@]}")
    done
    echo "installing ${packages[*]}" >&2
    apt-get update -qq >/dev/null 2>&1
    if ! install_packages "${packages[@]}"; then
        # One that this release of Debian does not have must not keep the others away.
        for row in "${missing[@]}"; do
            IFS='|' read -r _ names _ <<<"$row"
            read -r -a names <<<"$names"
            install_packages "${names[@]}" || failed+=("${names[*]}")
        done
        echo "apt could not install ${failed[*]} (offline? or not in this release of Debian)" >&2
    fi
fi
for row in "${missing[@]}"; do
    IFS='|' read -r program package without <<<"$row"
    is_there "$program" && continue
    [[ $program == picolibc-* || $program == libclang-rt-dev ]] && dpkg -s "$program" >/dev/null 2>&1 && continue
    echo "missing: $program; without it: $without. Debian: apt-get install $package" >&2
done
exit 0
