package execd

import (
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"telegraf-conntrack-accounting/internal/command"
)

// telegrafSettings returns the settings that Telegraf itself reads from every plugin's
// table, and those of its execd plugins.
func telegrafSettings() []string {
	return strings.Fields(`
		alias always_include_global_tags always_include_local_tags buffer_directory
		buffer_disk_sync buffer_size buffer_strategy collection_jitter collection_offset
		command data_format environment fielddrop fieldexclude fieldinclude fieldpass
		flush_interval flush_jitter ignore_serialization_error interval log_level
		metric_batch_size metric_buffer_limit metricpass name_override name_prefix
		name_suffix namedrop namedrop_separator namepass namepass_separator precision
		restart_delay signal startup_error_behavior stop_on_error tagdrop tagexclude
		taginclude tagpass tags time_source use_batch_format`)
}

// hint returns advice for an unknown key, or "". Keys of tables within the plugin's
// table get none: a guess would be wrong too often.
func hint(key toml.Key, plugin any) string {
	if len(key) != 3 {
		return ""
	}
	kind, name := key[0], key[2]
	if slices.Contains(telegrafSettings(), name) {
		return ": it is a setting of Telegraf, and belongs in the [[" + kind + ".execd]] table of telegraf.conf"
	}
	if near := command.Nearest(name, settings(plugin)); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	return ""
}

// settings returns the toml names of a plugin's fields.
func settings(plugin any) []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.Indirect(reflect.ValueOf(plugin)).Type()) {
		name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}
