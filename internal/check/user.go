package check

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// A User is the user that will work with the files and folders that are checked.
type User struct {
	Name string
	uid  int
	gids []int // the primary one first
}

// UserNamed returns a user by name; "" is that of this process, or, for root, telegraf
// where there is one.
func UserNamed(name string) (User, error) {
	if name == "" && os.Geteuid() != 0 {
		return self()
	}
	if name != "" {
		return lookUp(name)
	}
	if telegraf, err := lookUp("telegraf"); err == nil {
		return telegraf, nil
	}
	return self()
}

// self is the user of this process, whose rights need no looking up.
func self() (User, error) {
	me := User{Name: strconv.Itoa(os.Geteuid()), uid: os.Geteuid()}
	if known, err := user.LookupId(me.Name); err == nil {
		me.Name = known.Username
	}
	return me, nil
}

func lookUp(name string) (User, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return User{}, err
	}
	ids, err := found.GroupIds()
	if err != nil {
		return User{}, fmt.Errorf("looking up the groups of %s: %w", name, err)
	}
	u := User{Name: name}
	for _, text := range append([]string{found.Gid}, ids...) {
		gid, err := strconv.Atoi(text)
		if err != nil {
			return User{}, err
		}
		u.gids = append(u.gids, gid)
	}
	u.uid, err = strconv.Atoi(found.Uid)
	return u, err
}

// may returns an error if the user lacks the rights to a file that the bits name
// (unix.R_OK and so on). It asks the kernel, which knows of access lists and read-only
// mounts.
func (u User) may(path string, bits uint32) error {
	if u.uid == os.Geteuid() {
		return unix.Faccessat(unix.AT_FDCWD, path, bits, unix.AT_EACCESS)
	}
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread, which is somebody else now, ends
		result <- u.mayOnThread(path, bits)
	}()
	return <-result
}

// mayOnThread turns this thread alone into the user, as far as files go.
func (u User) mayOnThread(path string, bits uint32) error {
	if err := unix.Setgroups(u.gids); err != nil {
		return err
	}
	// The former id is what these return; they cannot fail for root.
	_, _ = unix.SetfsgidRetGid(u.gids[0])
	_, _ = unix.SetfsuidRetUid(u.uid)
	return unix.Faccessat(unix.AT_FDCWD, path, bits, unix.AT_EACCESS)
}
