package conntrack_accounting

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"telegraf-conntrack-accounting/internal/check"
)

// checkBoot finds out whether the sysctls will be 1 after the next boot, before any flow
// begins. What is set at boot holds in the namespace of the machine alone.
func (p *Plugin) checkBoot() []check.Finding {
	if p.NetworkNamespace != "" {
		return nil
	}
	settings := bootSettings("/")
	var missing []string
	set := ""
	for _, name := range wanted {
		if settings["net.netfilter."+name] != "1" {
			missing = append(missing, name)
		}
		set += " net.netfilter." + name + "=1"
	}
	if len(missing) == 0 {
		return []check.Finding{check.Okf("boot", "the sysctls are set at boot")}
	}
	return []check.Finding{check.Warnf("boot", "nothing sets %s to 1 at boot: flows that begin before the plugin starts are counted in part or not at all", strings.Join(missing, ", ")).
		Do("set it (the package does, with deploy/sysctl.d and deploy/modules-load.d)").
		Run("printf '%%s\\n'%s >/etc/sysctl.d/90-conntrack-accounting.conf && echo nf_conntrack >/etc/modules-load.d/conntrack-accounting.conf", set)}
}

// bootSettings reads what sysctl --system and systemd-sysctl set. Of files with one
// name, that of the first folder counts; a later name overrides an earlier one.
func bootSettings(root string) map[string]string {
	files := make(map[string]string)
	for _, folder := range []string{"etc", "run", "usr/local/lib", "usr/lib", "lib"} {
		found, _ := filepath.Glob(filepath.Join(root, folder, "sysctl.d", "*.conf"))
		for _, path := range found {
			if name := filepath.Base(path); files[name] == "" {
				files[name] = path
			}
		}
	}
	settings := make(map[string]string)
	paths := []string{filepath.Join(root, "etc/sysctl.conf")} // which systemd does not read, but Debian links
	for _, name := range slices.Sorted(maps.Keys(files)) {
		paths = append(paths, files[name])
	}
	for _, path := range paths {
		text, _ := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			key, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "-"), "=")
			if ok && !strings.HasPrefix(key, "#") && !strings.HasPrefix(key, ";") {
				settings[strings.ReplaceAll(strings.TrimSpace(key), "/", ".")] = strings.TrimSpace(value)
			}
		}
	}
	return settings
}
