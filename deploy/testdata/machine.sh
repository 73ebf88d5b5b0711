#!/bin/sh
# Runs a script as a machine of its own would: on a copy of this machine's files
# that lives in memory, where nothing of ours or of Postgres is set up yet and
# Telegraf is. Called in a mount and a network namespace of its own.
#
#     machine.sh REPOSITORY TELEGRAF FOLDER SCRIPT
set -eu
repository=$1 telegraf=$2 folder=$3 script=$4

mount -t tmpfs none "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
for shared in proc sys dev; do
    mount --rbind "/$shared" "$shared"
done
mount -t tmpfs none run
mkdir -p run/postgresql run/lock "./$repository"
mount --rbind "$repository" "./$repository"

# A fresh Debian with Postgres' package and Telegraf's.
rm -rf var/lib/psql-sink var/lib/conntrack-accounting etc/telegraf
rm -rf etc/postgresql/*/main var/lib/postgresql/*/main
rm -f etc/sysctl.d/* usr/lib/sysctl.d/* # they are of this machine
rm -rf var/lib/apt/lists/* var/cache/apt/*.bin # no network: what is installed is the newest
rm -f var/lib/man-db/auto-update # its index of manual pages, at each package
mkdir -p etc/telegraf
echo '# as the package has it' >etc/telegraf/telegraf.conf
cp "$telegraf" usr/bin/telegraf
modules=lib/modules/$(uname -r)
if [ ! -e "$modules" ]; then # a kernel without modules, and without its package that says so
    mkdir -p "$modules"
    echo kernel/net/netfilter/nf_conntrack.ko >"$modules/modules.builtin"
    touch "$modules/modules.order"
    depmod --basedir .
fi
cp "$script" root/script
chroot . sh -eu <<'END'
getent passwd telegraf >/dev/null || useradd --system --user-group --no-create-home --shell /usr/sbin/nologin telegraf
chown postgres: /run/postgresql
pg_createcluster "$(ls /usr/lib/postgresql | sort -V | tail -n 1)" main >/dev/null
END
exec chroot . sh -eu /root/script
