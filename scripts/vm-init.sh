#!/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# The first process of the virtual machine of vm.sh, in its initramfs: makes a root of the host's files and a layer
# in memory above them, then becomes the job. The kernel's command line says where things are (vm.modules, vm.job, vm.writable).
set -x
bb=/busybox

for applet in mount mkdir insmod cat ln; do
    # shellcheck disable=SC2139
    alias "$applet=$bb $applet"
done

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r module; do
    insmod "/modules/$module"
done </modules/order
for word in $(cat /proc/cmdline); do
    case $word in
    vm.modules=*) modules=${word#*=} ;;
    vm.job=*) job=${word#*=} ;;
    vm.writable=*) writable=${word#*=} ;;
    esac
done

mount -t virtiofs host /host
mount -t tmpfs -o size=80% memory /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /new
IFS=:
for dir in $writable; do
    mount --bind "/host$dir" "/new$dir"
done
unset IFS
mkdir -p /new/lib/modules
mount --bind "/host$modules" /new/lib/modules

mount -t tmpfs run /new/run
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
mount -t bpf bpf /new/sys/fs/bpf
mount -t tracefs tracefs /new/sys/kernel/tracing
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts -o ptmxmode=666 devpts /new/dev/pts
mount -t tmpfs shm /new/dev/shm
ln -sf /proc/self/fd /new/dev/fd
ln -sf /proc/self/fd/1 /new/dev/stdout
ln -sf /proc/self/fd/2 /new/dev/stderr
for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" != output ] || ln -sf "${port##*/}" /new/dev/vm-output
done
mkdir -p /new/run/netns /new/run/lock
$bb ip link set lo up
$bb hostname vm

exec $bb switch_root /new /bin/bash "$job"
