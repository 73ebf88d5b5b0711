#!/bin/sh
# What an administrator does with the rpm, in a root of its own that lives in memory: a
# fresh Debian, in which rpm knows nothing but this package. Called in a mount namespace of
# its own.
#
#     rpm.sh SYSTEM.tar PACKAGES FOLDER
set -eu
system=$1 packages=$2 folder=$3
mount -t tmpfs none "$folder"
tar -C "$folder" -xf "$system"
manage() { rpm --root "$folder" --dbpath /var/lib/rpm --force-debian --nodeps "$@"; }
within() { chroot "$folder" "$@"; }
is() { # WANT GOT WHAT
    [ "$1" = "$2" ] || { echo "$3: want $1, got $2" >&2; exit 1; }
}
files() { within find / -xdev \( -path /var/lib/rpm -o -path /var/log -o -path /var/cache \) -prune -o -print | sort; }
options=/etc/telegraf/conntrack_accounting.conf

files >"$folder.before"
manage --install "$packages"/older/*.x86_64.rpm
is 'telegraf telegraf 750' "$(within stat -c '%U %G %a' /var/lib/psql-sink)" 'the spool'
is 'telegraf telegraf 750' "$(within stat -c '%U %G %a' /var/lib/conntrack-accounting)" "the state's folder"
is 'root telegraf 640' "$(within stat -c '%U %G %a' /etc/telegraf/vpn_traffic.conf)" "the sink's options"
is 'root root 755' "$(within stat -c '%U %G %a' /usr/bin/psql-sink)" 'the sink'
is disabled "$(within systemctl is-enabled psql-sink.service || true)" 'the unit'
is "vpn_traffic $(cat "$packages/older/version")" "$(within psql-sink version | sed 's/ (.*//')" 'the version'
is '......G..  c /etc/telegraf/vpn_traffic.conf' "$(manage --verify telegraf-conntrack-accounting || true)" 'what is not as packed'

# Options that the administrator and the new version have changed.
echo '# changed' >>"$folder$options"
touch "$folder/var/lib/psql-sink/report"
manage --upgrade "$packages"/newer/*.x86_64.rpm
is '# changed' "$(tail -n 1 "$folder$options")" 'the options after the upgrade'
[ -e "$folder$options.rpmnew" ]
is '' "$(grep -x '# changed' "$folder$options.rpmnew" || true)" 'the options of the new version'
is "vpn_traffic $(cat "$packages/newer/version")" "$(within psql-sink version | sed 's/ (.*//')" 'the version after the upgrade'
is 'root telegraf 640' "$(within stat -c '%U %G %a' /etc/telegraf/vpn_traffic.conf)" "the sink's options after the upgrade"

# rpm keeps changed options under another name, and whatever it did not bring.
manage --erase telegraf-conntrack-accounting
files >"$folder.after"
diff "$folder.before" "$folder.after" | grep '^[<>]' | grep -v -e '/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\)-\?$' || true
