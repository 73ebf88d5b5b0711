package vpn_traffic

import "telegraf-conntrack-accounting/internal/spool"

// Paths are the files and folders that the plugin needs while it runs, for a program that
// confines itself to them. They are known after Init.
type Paths struct {
	Read  []string // files that the options name
	Usual []string // files that are read when they are there
	Write []string // folders, between which files move
}

// Paths returns what the plugin needs.
func (v *VPNTraffic) Paths() Paths {
	p := Paths{Write: spool.Folders(v.Spool)}
	p.Read, p.Usual = v.db.Files()
	for _, path := range append([]string{v.TLSCert, v.TLSKey, v.ClientsFile}, v.TLSAllowedCACerts...) {
		if path != "" {
			p.Read = append(p.Read, path)
		}
	}
	return p
}
