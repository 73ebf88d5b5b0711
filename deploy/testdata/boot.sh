#!/bin/sh
# Boots a fresh Debian that lives in memory: systemd as its process 1 runs a script, and
# ends with its exit code. Called in namespaces of its own, of each kind but users.
#
#     boot.sh SYSTEM.tar TELEGRAF PACKAGES POSTGRES FOLDER SCRIPT
set -eu
system=$1 telegraf=$2 packages=$3 postgres=$4 folder=$5 script=$6
here=$(dirname "$0")

mount -t tmpfs none "$folder"
tar -C "$folder" -xf "$system"
cat "$here/inside.sh" "$script" >"$folder/root/script"
cp "$here/script.service" "$here/telegraf.service" "$folder/etc/systemd/system/"
cp "$telegraf" "$folder/usr/bin/telegraf"
cd "$folder"
mount -t proc none proc
mount -t sysfs -o ro none sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs none run
mount -t tmpfs none dev
for device in null zero full random urandom tty; do
    touch dev/$device
    mount --bind /dev/$device dev/$device
done
mkdir dev/shm dev/pts packages run/postgresql outside
mount -t devpts -o newinstance,ptmxmode=0666 none dev/pts
ln -s pts/ptmx dev/ptmx
mount --bind "$packages" packages
mount --bind "$postgres" run/postgresql
hostname gateway
pivot_root . outside
umount -l /outside
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -s ../script.service /etc/systemd/system/multi-user.target.wants/
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=no </dev/null
