#!/usr/bin/env bash
# Installs what pip cannot: the compilers and QEMU that the rings of tests need. As root on Debian through apt, and only
# what is missing; anyone else is told which ring will be skipped and what to install. Never fails for a missing ring.
set -u

# program, Debian package, what is skipped without it (| separates)
programs=(
    "cc|gcc|every ring with a C compiler (parity, firmware) and all training: the features are C"
    "clang|clang|the second compiler of ring parity"
    "cppcheck|cppcheck|one test of ring firmware, static analysis"
    "riscv64-unknown-elf-gcc|gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf|ring qemu and the rv32imc figures"
    "qemu-system-riscv32|qemu-system-misc|ring qemu and the rv32imc figures"
)

missing=()
packages=()
for row in "${programs[@]}"; do
    IFS='|' read -r program package ring <<<"$row"
    command -v "$program" >/dev/null 2>&1 && continue
    missing+=("$row")
    read -r -a names <<<"$package"
    packages+=("${names[@]}")
done
# The compiler alone is not enough: it needs its C library.
if command -v riscv64-unknown-elf-gcc >/dev/null 2>&1 &&
    [ ! -e /usr/lib/picolibc/riscv64-unknown-elf/picolibc.specs ] && command -v dpkg >/dev/null 2>&1 &&
    ! dpkg -s picolibc-riscv64-unknown-elf >/dev/null 2>&1; then
    packages+=(picolibc-riscv64-unknown-elf)
    missing+=("picolibc|picolibc-riscv64-unknown-elf|ring qemu and the rv32imc figures")
fi
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing ${packages[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >/dev/null 2>&1 && exit 0
    echo "apt could not install them (offline?)" >&2
fi
for row in "${missing[@]}"; do
    IFS='|' read -r program package ring <<<"$row"
    command -v "$program" >/dev/null 2>&1 && continue
    echo "missing: $program; without it: $ring. Debian: apt-get install $package" >&2
done
exit 0
