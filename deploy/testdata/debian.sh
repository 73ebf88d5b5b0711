#!/bin/sh
# Runs a script in a fresh Debian that lives in memory, with Telegraf's own build and
# the packages of $packages in /packages. Called in a mount and a network namespace of its own.
#
#     debian.sh SYSTEM.tar TELEGRAF PACKAGES FOLDER SCRIPT
set -eu
system=$1 telegraf=$2 packages=$3 folder=$4 script=$5
here=$(dirname "$0")

mount -t tmpfs none "$folder"
tar -C "$folder" -xf "$system"
cat "$here/inside.sh" "$script" >"$folder/root/script"
cd "$folder"
for shared in proc sys dev; do
    mount --rbind "/$shared" "$shared"
done
mkdir packages
mount --bind "$packages" packages
cp "$telegraf" usr/bin/telegraf
exec chroot . sh -eu /root/script
