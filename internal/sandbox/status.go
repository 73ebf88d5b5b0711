package sandbox

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Status is what confines a process.
type Status struct {
	Capabilities    []string // that it has, as "cap_net_admin"
	NoNewPrivileges bool
	Landlock        int      // the ABI that is in force; 0: off
	Seccomp         bool     // system calls are filtered
	Off             []string // what is off, and why
	Missing         []string // folders that are not there, and stay closed
}

// Outside is the Status of a process that does not enter the sandbox, and why.
func Outside(why string) Status {
	s := privileges()
	s.Off = []string{"Landlock and seccomp (" + why + ")"}
	return s
}

// Unusual reports whether something is off that could be on.
func (s *Status) Unusual() bool { return len(s.Off)+len(s.Missing) > 0 || !s.NoNewPrivileges }

// Log logs what confines the process: for debugging, if there is nothing to do about it.
func (s Status) Log(log logger) {
	if s.Unusual() {
		log.Infof("sandbox: %v", s)
		return
	}
	log.Debugf("sandbox: %v", s)
}

type logger interface {
	Infof(format string, args ...any)
	Debugf(format string, args ...any)
}

func (s Status) String() string {
	parts := []string{"capabilities: " + orNone(s.Capabilities)}
	if s.NoNewPrivileges {
		parts = append(parts, "no new privileges")
	}
	if s.Landlock > 0 {
		parts = append(parts, fmt.Sprintf("Landlock (ABI %d)", s.Landlock))
	}
	if s.Seccomp {
		parts = append(parts, "seccomp")
	}
	for _, off := range s.Off {
		parts = append(parts, "off: "+off)
	}
	if len(s.Missing) > 0 {
		parts = append(parts, "closed until a restart, since not there now: "+strings.Join(s.Missing, ", "))
	}
	return strings.Join(parts, "; ")
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// privileges is the part of a Status that the process has in any case.
func privileges() Status {
	set, err := cap.Prctl(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return Status{Capabilities: capabilities(), NoNewPrivileges: err == nil && set == 1}
}

// off notes what is off, and why.
func (s *Status) off(what string, why error) {
	s.Off = append(s.Off, fmt.Sprintf("%s (%v)", what, why))
}
