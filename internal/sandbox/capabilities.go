package sandbox

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Capability is one of the kernel's.
type Capability = cap.Value

// The capabilities that a program may need.
const (
	NetAdmin  = cap.NET_ADMIN  // read conntrack and set its sysctls
	SysAdmin  = cap.SYS_ADMIN  // enter a network namespace
	SysPtrace = cap.SYS_PTRACE // see the files and namespaces of another user's process
	SetUID    = cap.SETUID     // find out what another user may do
	SetGID    = cap.SETGID     // likewise
)

// Drop gives up all capabilities of the process but those to keep, as far as it has
// them, and every way to get others. Root also keeps CAP_DAC_OVERRIDE: without it, root
// could not read a spool or a configuration that belongs to another user.
func Drop(keep ...Capability) error {
	if os.Geteuid() == 0 {
		keep = append(slices.Clone(keep), cap.DAC_OVERRIDE)
	}
	if err := errors.Join(dropBounding(keep), cap.ResetAmbient(), denyNew(), dropOthers(keep)); err != nil {
		return fmt.Errorf("dropping privileges: %w", err)
	}
	return nil
}

// dropBounding limits what a program that is executed could get, where the process may.
func dropBounding(keep []Capability) error {
	if may, err := cap.GetProc().GetFlag(cap.Effective, cap.SETPCAP); !may || err != nil {
		return err
	}
	for c := range cap.MaxBits() {
		if has, err := cap.GetBound(c); err != nil || !has || slices.Contains(keep, c) {
			continue
		}
		if err := cap.DropBound(c); err != nil {
			return err
		}
	}
	return nil
}

// dropOthers keeps, of the capabilities that the process has, only some.
func dropOthers(keep []Capability) error {
	has, rest, kept := cap.GetProc(), cap.NewSet(), false
	for _, c := range keep {
		for _, set := range []cap.Flag{cap.Permitted, cap.Effective} {
			if on, err := has.GetFlag(set, c); err != nil || !on {
				continue
			}
			if err := rest.SetFlag(set, true, c); err != nil {
				return err
			}
			kept = true
		}
	}
	difference, err := has.Cf(rest)
	if err == nil && !difference.Has(cap.Permitted) && !difference.Has(cap.Effective) {
		return nil // a unit that leaves nothing to drop may forbid capset, too
	}
	err = rest.SetProc()
	if errors.Is(err, unix.EPERM) && !kept && os.Geteuid() != 0 {
		return errors.Join(err, startAgain())
	}
	return err
}

// startAgain executes the program anew, which leaves it no capability where it has no
// ambient one and is not root's: a unit can forbid capset, as @privileged has it, and give
// ambient capabilities, as that of Telegraf does for the input. It happens once: what
// denyNew denies keeps the program from having any then. It returns only if it fails.
func startAgain() error {
	path, err := os.Executable() // a link to it in /proc would give the process another name
	if err != nil {
		return err
	}
	return unix.Exec(path, os.Args, os.Environ())
}

// denyNew sets no_new_privs: no program that is executed gets more than this one has.
func denyNew() error {
	_, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	return err
}

// capabilities names what the process may do.
func capabilities() (names []string) {
	has := cap.GetProc()
	for c := range cap.MaxBits() {
		if on, err := has.GetFlag(cap.Permitted, c); on && err == nil {
			names = append(names, c.String())
		}
	}
	return names
}
