# What an administrator does with the package in the life of a machine.
files() { # all of the machine, but for what dpkg and the system keep about themselves
    find / -xdev \( -path /packages -o -path /root -o -path /tmp -o -path /var/lib/dpkg -o -path /var/log -o -path /var/cache \) -prune -o -print | sort
}
files >/root/before

dpkg -i /packages/older/*_amd64.deb
is 'telegraf telegraf 750' "$(stat -c '%U %G %a' /var/lib/psql-sink)" 'the spool'
is 'telegraf telegraf 750' "$(stat -c '%U %G %a' /var/lib/conntrack-accounting)" "the state's folder"
is 'root telegraf 640' "$(stat -c '%U %G %a' /etc/telegraf/vpn_traffic.conf)" "the sink's options"
is disabled "$(systemctl is-enabled psql-sink.service || true)" 'the unit, by the preset that the package brings'
is "vpn_traffic $(cat /packages/older/version)" "$(psql-sink version | sed 's/ (.*//')" 'the version'

# The administrator's options, and traffic.
sed -i 's|^  # state_file = ""|  state_file = "/var/lib/conntrack-accounting/state"|' /etc/telegraf/conntrack_accounting.conf
cp /etc/telegraf/conntrack_accounting.conf /root/options
configure_telegraf
run() { # as the drop-in has it
    setpriv --reuid telegraf --regid telegraf --init-groups --no-new-privs \
        --bounding-set -all,+net_admin --inh-caps -all,+net_admin --ambient-caps -all,+net_admin \
        telegraf --config /etc/telegraf/telegraf.conf >>/root/telegraf.log 2>&1 &
    telegraf=$!
}
trouble() { cat /root/telegraf.log; }
end() { kill $telegraf; wait $telegraf || true; }
run
until_true reports more_than 0
end
[ -s /var/lib/conntrack-accounting/state ]

# A newer version: options and data stay, and what waits goes on.
was=$(reports)
dpkg --force-confold -i /packages/newer/*_amd64.deb # without it, dpkg asks
cmp /etc/telegraf/conntrack_accounting.conf /root/options
[ -e /etc/telegraf/conntrack_accounting.conf.dpkg-dist ]
is "$was" "$(reports)" 'reports in the spool after the upgrade'
is "vpn_traffic $(cat /packages/newer/version)" "$(psql-sink version | sed 's/ (.*//')" 'the version after the upgrade'
run
until_true 'more reports' more_than "$was"
end

# Removal keeps options and data, a purge takes them.
dpkg -r telegraf-conntrack-accounting
[ ! -e /usr/bin/psql-sink ]
[ -e /etc/telegraf/conntrack_accounting.conf ]
[ "$(reports)" -gt "$was" ]
dpkg -P telegraf-conntrack-accounting
rm /etc/telegraf/telegraf.conf
rmdir /etc/telegraf 2>/dev/null || true
files >/root/after
# Telegraf's user stays: its own package has it.
diff /root/before /root/after | grep '^[<>]' | grep -v -e '/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\)-\?$' || true
