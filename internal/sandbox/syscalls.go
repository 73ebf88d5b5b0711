package sandbox

import "strings"

// The system calls that are allowed with any arguments, by what needs them. A processor
// has some of each list; those with "64" or "time64" are for processors of 32 bits.
const (
	ofRuntime = `
		brk munmap madvise mincore mremap
		futex futex_time64 set_robust_list get_robust_list rseq membarrier
		sched_yield sched_getaffinity nanosleep clock_nanosleep clock_nanosleep_time64
		clock_gettime clock_gettime64 clock_getres clock_getres_time64 gettimeofday time
		timer_create timer_settime timer_settime64 timer_delete setitimer
		rt_sigaction rt_sigprocmask rt_sigreturn sigreturn sigaltstack rt_sigpending restart_syscall
		arch_prctl set_thread_area set_tls cacheflush
		getpid getppid gettid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32
		getgroups getgroups32 capget uname sysinfo getcpu getrusage
		getrandom prlimit64 getrlimit ugetrlimit exit exit_group`

	ofDescriptors = `
		read write readv writev pread64 pwrite64 lseek _llseek close close_range dup dup3
		fcntl fcntl64 pipe2 eventfd2 poll ppoll ppoll_time64
		epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
		select _newselect pselect6 pselect6_time64
		sendfile sendfile64 splice copy_file_range`

	ofFiles = `
		open openat openat2 access faccessat faccessat2 readlink readlinkat getcwd
		stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx
		statfs statfs64 fstatfs fstatfs64 getdents getdents64 fadvise64 fadvise64_64
		ftruncate ftruncate64 fsync fdatasync sync_file_range fallocate flock
		rename renameat renameat2 unlink unlinkat mkdir mkdirat rmdir
		inotify_init1 inotify_add_watch inotify_rm_watch`

	// Without listen and accept.
	ofSockets = `
		connect bind shutdown getsockname getpeername getsockopt setsockopt
		send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64`
)

// calls returns those that a profile needs.
func (p *Profile) calls() []string {
	names := strings.Fields(ofRuntime + ofDescriptors + ofFiles + ofSockets)
	if p.Accept {
		names = append(names, "accept", "accept4")
	}
	return names
}
