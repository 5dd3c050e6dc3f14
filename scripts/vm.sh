#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command under Debian 12's kernel (6.1) in a virtual machine that sees this machine's files.
# usage: [BUILD=build] scripts/vm.sh [-w DIR]... run COMMAND [ARGUMENT]...
#        [BUILD=build] scripts/vm.sh fetch      gets the kernel anew; run gets it when it is not there
# The command has this directory, PATH and HOME, root, two CPUs and no network; its exit status is ours. It may write
# anywhere: the host sees what it writes to the DIRs of -w, the rest is forgotten. Needs root, qemu and virtiofsd.
# VM_SECONDS=600 limits the time, VM_MB=2048 the memory, VM_ACCEL=kvm is for machines where that works.
# Exit status 77: something to do it with is not here; the last line says what.
set -eu

BUILD=${BUILD:-build}
VM_SECONDS=${VM_SECONDS:-600}
VM_MB=${VM_MB:-2048}
VM_ACCEL=${VM_ACCEL:-tcg,thread=multi}
TOP=$(cd "$(dirname "$0")/.." && pwd)
cache=$BUILD/vm
writable=()
processes=()
export PATH=$PATH:/usr/sbin:/sbin:/usr/libexec:/usr/lib/qemu

skip() { # WHY
    echo "SKIP the virtual machine: $1"
    exit 77
}

# ---- the kernel: a package that is unpacked below $BUILD and never installed

kernel_release() { basename "$cache"/root/lib/modules/*; }

fetch() {
    local package=linux-image-cloud-amd64 new=$cache/new
    rm -rf "$new"
    mkdir -p "$new/root"
    package=$(apt-cache depends "$package" 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2 }')
    [ -n "$package" ] || skip "NOT RUN, apt knows no package linux-image-cloud-*"
    (cd "$new" && apt-get download -qq "$package") >&2 || skip "NOT RUN, $package could not be downloaded"
    dpkg -x "$new"/*.deb "$new/root"
    depmod -b "$new/root" "$(basename "$new"/root/lib/modules/*)"
    rm -rf "$new"/*.deb "$cache/root" "$cache/initrd"
    mv "$new/root" "$cache/root"
    rmdir "$new"
}

# What is needed to see the host's files: busybox, six modules, and vm-init.sh.
make_initrd() {
    local tree module release
    release=$(kernel_release)
    tree=$(mktemp -d "$cache/initrd.XXXXXX")
    mkdir -p "$tree"/{proc,sys,dev,run,host,memory,new,modules}
    install -m 755 "$(command -v busybox)" "$tree/busybox"
    install -m 755 "$TOP/scripts/vm-init.sh" "$tree/init"
    for module in virtio_pci virtiofs overlay virtio_console; do
        modprobe -d "$cache/root" -S "$release" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r module; do
        cp "$module" "$tree/modules"
        basename "$module" >>"$tree/modules/order"
    done
    (cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$cache/initrd.new"
    rm -rf "$tree"
    mv "$cache/initrd.new" "$cache/initrd"
}

prepare() {
    local tool
    [ "$(id -u)" -eq 0 ] || skip "NOT RUN, it needs root"
    [ "$(uname -m)" = x86_64 ] || skip "NOT RUN, it is made for x86_64"
    for tool in qemu-system-x86_64 virtiofsd busybox modprobe dpkg apt-get; do
        command -v $tool >/dev/null || skip "NOT RUN, it needs the command $tool (scripts/deps.sh vm)"
    done
    mkdir -p "$cache"
    exec 8>"$cache/lock"
    flock 8
    [ -d "$cache/root" ] || fetch
    [ "$cache/initrd" -nt "$TOP/scripts/vm-init.sh" ] || make_initrd
    exec 8>&-
}

# ---- one run

# The host's files as the guest may see them: all of them, and only the DIRs of -w for writing.
share_files() { # DIRECTORY
    # shellcheck disable=SC2016
    unshare -m sh -euc '
        root=$1 socket=$2 seen=$3
        shift 3
        mkdir "$root"
        mount --bind / "$root"
        mount -o remount,bind,ro "$root"
        for dir in $seen; do
            mount --bind "$dir" "$root$dir"
            mount -o remount,bind,ro "$root$dir"
        done
        for dir; do mount --bind "$dir" "$root$dir"; done
        exec virtiofsd -f --socket-path="$socket" -o source="$root" -o sandbox=chroot -o cache=always -o log_level=err
    ' sh "$1/root" "$1/files.sock" "$TOP $(realpath "$BUILD") $1" "$1/result" "${writable[@]}" >"$1/virtiofsd.log" 2>&1 8>&- &
    processes+=($!)
    for ((i = 0; i < 500; i++)); do
        [ ! -S "$1/files.sock" ] || return 0
        kill -0 "${processes[-1]}" 2>/dev/null || break
        sleep 0.02
    done
    cat "$1/virtiofsd.log"
    skip "NOT RUN, virtiofsd did not start"
}

write_job() { # FILE COMMAND...: what the guest runs as its first process, when it sees the host's files
    local job=$1
    shift
    {
        echo 'exec </dev/null'
        printf 'export PATH=%q HOME=%q\n' "$PATH" "${HOME:-/root}"
        printf 'cd %q\n' "$PWD"
        printf '%q ' "$@"
        printf '>/dev/vm-output 2>&1\necho $? >%q/status\n' "$(dirname "$job")/result"
        echo 'echo o >/proc/sysrq-trigger; sleep 60'
    } >"$job"
}

# Its output comes through a pipe: the guest would wait for a reader, and a character device of qemu's for a terminal.
start_machine() { # DIRECTORY
    mkfifo "$1/output"
    cat "$1/output" 8>&- &
    reader=$!
    timeout -k 5 "$VM_SECONDS" qemu-system-x86_64 -machine q35 -accel "$VM_ACCEL" -cpu max -smp 2 -m "$VM_MB" -nodefaults -display none -no-reboot \
        -object memory-backend-memfd,id=memory,size="$VM_MB"M,share=on -numa node,memdev=memory \
        -kernel "$cache"/root/boot/vmlinuz-* -initrd "$cache/initrd" \
        -append "console=ttyS0 loglevel=5 panic=-1 mitigations=off nokaslr vm.modules=$(realpath "$cache")/root/lib/modules \
vm.job=$1/job vm.writable=$(IFS=:; echo "$1/result:${writable[*]-}")" \
        -chardev socket,id=files,path="$1/files.sock" -device vhost-user-fs-pci,chardev=files,tag=host \
        -device virtio-serial-pci -chardev file,id=output,path="$1/output",append=on -device virtserialport,chardev=output,name=output \
        -serial file:"$1/console" </dev/null >"$1/qemu.log" 2>&1 8>&- &
    processes+=($!)
}

stop_all() {
    local pid
    trap '' INT TERM HUP
    for pid in "${processes[@]-}"; do
        [ -z "$pid" ] || { kill -TERM "$pid" && wait "$pid"; } 2>/dev/null || :
    done
    rm -rf "$run"
}

run() { # COMMAND...
    local status=0 reader
    run=$(mktemp -d /tmp/sesstap-vm.XXXXXX)
    trap stop_all EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkdir "$run/result"
    write_job "$run/job" "$@"
    share_files "$run"
    start_machine "$run"
    wait "${processes[-1]}" || status=$?
    kill -0 "$reader" 2>/dev/null && wait "$reader"
    if [ -s "$run/result/status" ]; then
        exit "$(cat "$run/result/status")"
    fi
    [ $status -ne 124 ] || { echo "vm: stopped after its $VM_SECONDS s" >&2; exit 124; }
    echo "vm: the machine ended before the command (qemu's exit status $status); its console's last lines:" >&2
    tail -n 30 "$run/console" "$run/qemu.log" >&2
    exit 125
}

while [ "${1-}" = -w ]; do
    mkdir -p "$2"
    writable+=("$(realpath "$2")")
    shift 2
done
case ${1-} in
fetch)
    rm -rf "$cache/root"
    prepare
    kernel_release
    ;;
run)
    shift
    [ $# -gt 0 ] || { echo "vm: run what? see the head of $0" >&2; exit 2; }
    prepare
    run "$@"
    ;;
*)
    echo "vm: neither run nor fetch; see the head of $0" >&2
    exit 2
    ;;
esac
