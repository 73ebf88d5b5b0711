package sandbox

import (
	"errors"
	"fmt"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

const (
	readFile   landlock.AccessFSSet = ll.AccessFSReadFile
	readFolder                      = readFile | ll.AccessFSReadDir
	write                           = readFolder | ll.AccessFSWriteFile | ll.AccessFSTruncate |
		ll.AccessFSMakeReg | ll.AccessFSRemoveFile | ll.AccessFSMakeDir | ll.AccessFSRemoveDir

	reparents = 2 // the first ABI that can let files move between folders
)

var (
	errProcesses  = errors.New("it would hide the network namespaces of other processes: name one by ip netns to have it")
	errNoLandlock = errors.New("the kernel has none, or its boot parameter lsm leaves it out")
	errReparents  = errors.New("this kernel's would not let files move between the folders of the spool: Linux 5.19 does")
)

// restrictFiles returns the ABI of Landlock that is in force, 0 if none is, and folders
// that are not there.
func (p *Profile) restrictFiles(s *Status) (abi int, missing []string) {
	abi, err := p.supported()
	if err == nil {
		var rules []landlock.Rule
		rules, missing = p.rules()
		err = p.landlock().Restrict(rules...)
	}
	if err != nil {
		s.off("Landlock", err)
		return 0, nil
	}
	return abi, missing
}

// supported returns the kernel's ABI of Landlock, or why it cannot be used.
func (p *Profile) supported() (abi int, err error) {
	if p.Processes {
		return 0, errProcesses
	}
	if abi, err = ll.LandlockGetABIVersion(); err != nil || abi < 1 {
		return 0, errNoLandlock
	}
	if p.Move && abi < reparents {
		return 0, errReparents
	}
	return abi, nil
}

// landlock returns what Landlock looks at: all that it knew of files when this was
// written, and TCP. Later kinds of access would refuse what is needed, such as the
// sockets of Postgres.
func (p *Profile) landlock() landlock.Config {
	c := landlock.Config{HandledAccessFS: landlock.V5.HandledAccessFS, HandledAccessNet: ll.AccessNetBindTCP}
	if !p.Inet {
		c.HandledAccessNet |= ll.AccessNetConnectTCP
	}
	return c.BestEffort()
}

// rules returns what may be done where.
func (p *Profile) rules() (rules []landlock.Rule, missing []string) {
	for _, of := range []struct {
		paths  []string
		access landlock.AccessFSSet
		quiet  bool // what is missing is none of ours
	}{{system(), readFolder, true}, {p.Usual, readFolder, true}, {p.Read, readFolder, false}, {p.Write, write, false}} {
		found, lost := places(of.paths)
		for _, place := range found {
			rules = append(rules, p.rule(place, of.access))
		}
		if !of.quiet {
			missing = append(missing, lost...)
		}
	}
	if p.Proc {
		rules = append(rules, landlock.PathAccess(readFolder, "/proc"))
	}
	if p.Inet {
		rules = append(rules, landlock.BindTCP(0)) // so Go's library finds out about IPv6; it then listens to nothing
	}
	if p.Sysctls && pin("/proc/sys/net") == nil {
		rules = append(rules, landlock.PathAccess(ll.AccessFSWriteFile, "/proc/sys/net"))
	}
	return rules, unique(missing)
}

func (p *Profile) rule(place string, access landlock.AccessFSSet) landlock.Rule {
	switch {
	case !isFolder(place):
		access = readFile
	case access == write && p.Move:
		access |= ll.AccessFSRefer
	}
	return landlock.PathAccess(access, place)
}

// pin holds a folder of /proc open until the process ends. The kernel would make another
// inode of it when memory is short, and rules are for inodes.
func pin(folder string) error {
	if _, err := unix.Open(folder, unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("opening %s: %w", folder, err)
	}
	return nil
}
