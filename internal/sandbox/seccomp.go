package sandbox

import (
	"fmt"
	"os"
	"runtime"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// restrictCalls filters system calls, of all threads, and reports whether it does.
func (p *Profile) restrictCalls(s *Status) bool {
	info, err := arch.GetInfo("")
	if err != nil {
		s.off("seccomp", fmt.Errorf("there is no list of the system calls of %s", runtime.GOARCH))
		return false
	}
	if err := seccomp.LoadFilter(seccomp.Filter{Flag: seccomp.FilterFlagTSync, Policy: p.policy(info)}); err != nil {
		s.off("seccomp", err)
		return false
	}
	return true
}

// policy returns the filter for a processor: a call that is not in it fails with EPERM.
func (p *Profile) policy(info *arch.Info) seccomp.Policy {
	policy := seccomp.Policy{DefaultAction: seccomp.ActionErrno}
	allowed := seccomp.SyscallGroup{Action: seccomp.ActionAllow, Names: known(info, p.calls())}
	for _, call := range p.limited(info) {
		if _, has := info.SyscallNames[call.Name]; has {
			allowed.NamesWithCondtions = append(allowed.NamesWithCondtions, call)
		}
	}
	// The C library makes threads by clone where clone3 is not there. The filter cannot see
	// the flags of clone3, which could ask for another process or namespace.
	absent := seccomp.SyscallGroup{Action: errno(unix.ENOSYS), Names: known(info, []string{"clone3"})}
	policy.Syscalls = []seccomp.SyscallGroup{allowed, absent}
	return policy
}

// errno is the action of failing with an error.
func errno(err unix.Errno) seccomp.Action {
	const data = 0xffff // SECCOMP_RET_DATA
	return seccomp.ActionErrno&^data | seccomp.Action(err)
}

// known returns the calls that a processor has: the lists are for all of them.
func known(info *arch.Info, names []string) (has []string) {
	for _, name := range names {
		if _, ok := info.SyscallNames[name]; ok {
			has = append(has, name)
		}
	}
	return has
}

const (
	newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	setVMA = 0x53564d41 // PR_SET_VMA: Go names its memory

	// What socketcall does on 386, by its first argument; the others are in memory.
	sysListen, sysAccept, sysAccept4 = 4, 5, 18
)

// limited returns the calls that are allowed with some arguments only.
func (p *Profile) limited(info *arch.Info) []seccomp.NameWithConditions {
	pid := uint64(os.Getpid())
	mmap := "mmap"
	if _, has := info.SyscallNames["mmap2"]; has {
		mmap = "mmap2" // mmap takes its arguments from memory there
	}
	calls := []seccomp.NameWithConditions{
		call("clone", is(0, seccomp.BitsSet, unix.CLONE_THREAD), is(0, seccomp.BitsNotSet, newNamespaces)),
		call(mmap, is(2, seccomp.BitsNotSet, unix.PROT_EXEC)),
		call(mmap, is(2, seccomp.BitsNotSet, unix.PROT_WRITE)),
		call("mprotect", is(2, seccomp.BitsNotSet, unix.PROT_EXEC)),
		call("kill", is(0, seccomp.Equal, pid)), call("tgkill", is(0, seccomp.Equal, pid)), // as runtime and os/signal do
		call("prctl", is(0, seccomp.Equal, setVMA)), call("prctl", is(0, seccomp.Equal, unix.PR_SET_NAME)),
		call("ioctl", is(1, seccomp.Equal, unix.TCGETS)), call("ioctl", is(1, seccomp.Equal, unix.TIOCINQ)),
		call("socket", is(0, seccomp.Equal, unix.AF_UNIX)),
		call("socket", is(0, seccomp.Equal, unix.AF_NETLINK), is(2, seccomp.Equal, uint64(p.Netlink))),
	}
	if p.Accept {
		calls = append(calls, call("socketcall", is(0, seccomp.NotEqual, sysListen)))
	} else {
		calls = append(calls, call("socketcall", is(0, seccomp.NotEqual, sysListen), is(0, seccomp.NotEqual, sysAccept), is(0, seccomp.NotEqual, sysAccept4)))
	}
	if p.Inet {
		calls = append(calls, call("socket", is(0, seccomp.Equal, unix.AF_INET)), call("socket", is(0, seccomp.Equal, unix.AF_INET6)))
	}
	if p.Namespaces {
		calls = append(calls, call("setns", is(1, seccomp.Equal, unix.CLONE_NEWNET)))
	}
	return calls
}

// call is a system call whose arguments are all as they must be. Another one of the same
// name is an alternative.
func call(name string, arguments ...seccomp.Condition) seccomp.NameWithConditions {
	return seccomp.NameWithConditions{Name: name, Conditions: arguments}
}

func is(argument uint32, operation seccomp.Operation, value uint64) seccomp.Condition {
	return seccomp.Condition{Argument: argument, Operation: operation, Value: value}
}
