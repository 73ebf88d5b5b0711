package sandbox

import (
	"go/build"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

// folders makes folders and a file in each.
func folders(t *testing.T, names ...string) (paths []string) {
	for _, name := range names {
		folder := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.Mkdir(folder, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), []byte("text"), 0o644))
		paths = append(paths, folder)
	}
	return paths
}

func TestDropAndEnterHoldForAllThreads(t *testing.T) {
	out := try(t, Profile{Proc: true, Netlink: unix.NETLINK_NETFILTER}, "work")
	require.Positive(t, out.Status.Landlock, out.Status.Off)
	require.True(t, out.Status.Seccomp, out.Status.Off)
	require.False(t, out.Status.Unusual(), out.Status)
	require.Equal(t, []string{"cap_dac_override", "cap_net_admin"}, out.Status.Capabilities)
	const dacOverrideAndNetAdmin, none = "0000000000001002", "0000000000000000"
	require.Equal(t, map[string][]string{
		"CapEff": {dacOverrideAndNetAdmin}, "CapPrm": {dacOverrideAndNetAdmin}, "CapBnd": {dacOverrideAndNetAdmin},
		"CapInh": {none}, "CapAmb": {none}, "NoNewPrivs": {"1"}, "Seccomp": {"2"},
	}, out.Threads)
	require.Empty(t, out.Errors["work"])
	require.Equal(t, "EPERM", out.Older)
}

// What no profile allows.
func TestForbiddenActs(t *testing.T) {
	folder := folders(t, "write")[0]
	acts := map[string]string{
		"run=/bin/true": "EPERM", "exec=/bin/true": "EPERM", "fork": "EPERM",
		"packets": "EPERM", "vsock": "EPERM", "mount=" + folder: "EPERM", "unshare": "EPERM", "user": "EPERM",
		"ptrace": "EPERM", "signal": "EPERM", "module": "EPERM", "bpf": "EPERM", "keys": "EPERM",
		"memory file": "EPERM", "events": "EPERM", "ring": "EPERM", "code": "EPERM",
		"setns=/proc/self/ns/net": "EPERM", "listen=127.0.0.1:0": "EPERM", "rtnetlink": "EPERM",
		"chmod=" + folder: "EPERM", "link=file," + folder + "/link": "EPERM",
		"dial=tcp,127.0.0.1:1": "EPERM", "raise": "", "netfilter": "",
	}
	if runtime.GOARCH == "386" { // see socketcall
		delete(acts, "vsock")
		delete(acts, "rtnetlink")
		delete(acts, "dial=tcp,127.0.0.1:1")
		acts["listen=127.0.0.1:0"] = "EACCES" // Landlock's
	}
	var names []string
	for act := range acts {
		names = append(names, act)
	}
	slices.Sort(names)
	out := try(t, Profile{Proc: true, Write: []string{folder}, Netlink: unix.NETLINK_NETFILTER}, names...)
	require.Equal(t, acts, out.Errors)
}

func TestFiles(t *testing.T) {
	paths := folders(t, "read", "write", "other", "elsewhere")
	read, write, other, elsewhere := paths[0], paths[1], paths[2], paths[3]
	link := filepath.Join(read, "link")
	require.NoError(t, os.Symlink(filepath.Join(elsewhere, "file"), link))
	out := try(t,
		Profile{Read: []string{filepath.Join(read, "file"), link}, Write: []string{write, other}, Move: true},
		"read="+read+"/file", "list="+read, "make="+read+"/new", "write="+read+"/file",
		"read="+link, "make="+elsewhere+"/new",
		"make="+write+"/new", "read="+write+"/new", "move="+write+"/new,"+other+"/new", "remove="+other+"/new",
		"move="+write+"/file,"+elsewhere+"/file", "read=/etc/hosts", "list=/", "read=/proc/self/stat", "make=/tmp/outside",
		"list="+filepath.Dir(read))
	require.Equal(t, map[string]string{
		"read=" + read + "/file": "", "list=" + read: "", "make=" + read + "/new": "EACCES", "write=" + read + "/file": "EACCES",
		"read=" + link: "", "make=" + elsewhere + "/new": "EACCES",
		"make=" + write + "/new": "", "read=" + write + "/new": "", "move=" + write + "/new," + other + "/new": "", "remove=" + other + "/new": "",
		"move=" + write + "/file," + elsewhere + "/file": "EACCES", "read=/etc/hosts": "", "list=/": "EACCES",
		"read=/proc/self/stat": "EACCES", "make=/tmp/outside": "EACCES", "list=" + filepath.Dir(read): "EACCES",
	}, out.Errors)
}

func TestSockets(t *testing.T) {
	if runtime.GOARCH == "386" {
		t.Skip("there, one call opens sockets of any family")
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer tcp.Close()
	path := filepath.Join(t.TempDir(), "socket")
	local, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer local.Close()
	onTCP, onUnix := "dial=tcp,"+tcp.Addr().String(), "dial=unix,"+path
	acts := []string{onTCP, onUnix, "rtnetlink", "netfilter", "listen=127.0.0.1:0"}
	if tcp6, err := net.Listen("tcp", "[::1]:0"); err == nil { // where there is IPv6
		defer tcp6.Close()
		acts = append(acts, "dial=tcp6,"+tcp6.Addr().String())
	}
	out := try(t, Profile{Inet: true, Netlink: unix.NETLINK_ROUTE}, acts...)
	if len(acts) > 5 {
		require.Empty(t, out.Errors[acts[5]])
		delete(out.Errors, acts[5])
	}
	require.Equal(t, map[string]string{
		onTCP: "", onUnix: "", "rtnetlink": "", "netfilter": "EPERM", "listen=127.0.0.1:0": "EPERM",
	}, out.Errors)
}

// Sysctls are those of the namespace that a thread has entered.
func TestSysctlsAndNamespaces(t *testing.T) {
	ns := testkit.NewNetns(t)
	const file = "/proc/sys/net/netfilter/nf_conntrack_acct"
	acts := []string{"setns=" + ns.Path(), "read=" + file, "write=" + file, "write=/proc/sys/kernel/hostname"}
	p := Profile{Read: []string{ns.Path()}, Proc: true, Sysctls: true, Namespaces: true}
	require.Equal(t, map[string]string{acts[0]: "", acts[1]: "", acts[2]: "", acts[3]: "EACCES"}, try(t, p, acts...).Errors)
	p.Sysctls = false
	require.Equal(t, map[string]string{acts[0]: "", acts[1]: "", acts[2]: "EACCES", acts[3]: "EACCES"}, try(t, p, acts...).Errors)
}

// Without Landlock where it would hide what is needed, and only then.
func TestProcessesStayVisible(t *testing.T) {
	out := try(t, Profile{Processes: true}, "list=/", "run=/bin/true")
	require.Equal(t, map[string]string{"list=/": "", "run=/bin/true": "EPERM"}, out.Errors)
	require.Zero(t, out.Status.Landlock)
	require.Regexp(t, `; seccomp; off: Landlock \(it would hide `, out.Status.String())
}

func TestMissingFoldersAreNamed(t *testing.T) {
	folder := t.TempDir()
	gone := filepath.Join(folder, "gone")
	out := try(t, Profile{
		Read: []string{filepath.Join(folder, "not there yet"), filepath.Join(gone, "file")}, Usual: []string{filepath.Join(gone, "usual", "file")},
	})
	require.Equal(t, []string{gone}, out.Status.Missing)
	require.True(t, out.Status.Unusual())
	require.Contains(t, out.Status.String(), "; closed until a restart, since not there now: "+gone)
}

func TestOutside(t *testing.T) {
	s := Outside("sandbox = false")
	require.True(t, s.Unusual())
	require.Contains(t, s.String(), "; off: Landlock and seccomp (sandbox = false)")
}

func TestPlaces(t *testing.T) {
	found, missing := places([]string{"/config", "/etc/hosts", "/usr"})
	require.Equal(t, []string{"/etc", "/usr"}, found)
	require.Equal(t, []string{"/config"}, missing, "never all of /")
}

// The calls that Go's runtime makes on each processor, by its own lists.
func TestRuntimeCallsAreAllowed(t *testing.T) {
	never := strings.Fields("setittimer base execve") // names of Go's own; what we deny
	for _, name := range []string{"amd64", "arm64", "386", "arm"} {
		info, err := arch.GetInfo(name)
		require.NoError(t, err)
		allowed := known(info, (&Profile{}).calls())
		for _, call := range (&Profile{}).limited(info) {
			allowed = append(allowed, call.Name)
		}
		for _, call := range runtimeCalls(t, name) {
			if !slices.Contains(never, call) {
				require.Contains(t, allowed, call, name)
			}
		}
	}
}

var defined = regexp.MustCompile(`(?m)^(?:#define\s+|\s*)SYS_([A-Za-z0-9_]+)\s+(?:=\s*)?[0-9(]`)

func runtimeCalls(t *testing.T, processor string) (names []string) {
	root := build.Default.GOROOT
	for _, file := range []string{"runtime/sys_linux_" + processor + ".s", "internal/runtime/syscall/linux/defs_linux_" + processor + ".go"} {
		text, err := os.ReadFile(filepath.Join(root, "src", file))
		require.NoError(t, err)
		for _, found := range defined.FindAllStringSubmatch(string(text), -1) {
			names = append(names, strings.ToLower(found[1]))
		}
	}
	require.Greater(t, len(names), 25)
	return unique(names)
}
