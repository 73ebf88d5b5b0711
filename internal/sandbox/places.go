package sandbox

import (
	"os"
	"path/filepath"
	"slices"
)

// system returns what Go's library, and the C library where it is linked, read: names of
// hosts and services, certificates, time zones, shared objects. Much of it is links.
func system() []string {
	places := []string{
		"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/services", "/etc/localtime",
		"/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt", "/usr", "/lib", "/lib64",
	}
	for _, variable := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "ZONEINFO"} {
		places = append(places, filepath.SplitList(os.Getenv(variable))...)
	}
	return places
}

// places returns what a program may reach so that it can reach files and folders: of a
// file the folder, since files are replaced by renaming, and that of what it is a link
// to. The files right below / are an exception. Missing are folders that are not there.
func places(paths []string) (found, missing []string) {
	for _, path := range paths {
		path, err := filepath.Abs(path)
		if err != nil {
			missing = append(missing, path)
			continue
		}
		for _, name := range names(path) {
			place := placeOf(name)
			if _, err := os.Stat(place); err != nil {
				missing = append(missing, place)
				continue
			}
			found = append(found, place)
		}
	}
	return unique(found), unique(missing)
}

// names returns a path, and what it leads to if that is another.
func names(path string) []string {
	target, err := filepath.EvalSymlinks(path)
	if err != nil || target == path {
		return []string{path}
	}
	return []string{path, target}
}

func placeOf(path string) string {
	if isFolder(path) {
		return path
	}
	if folder := filepath.Dir(path); folder != "/" {
		return folder
	}
	return path
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
