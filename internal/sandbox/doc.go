// Package sandbox takes from a process what it does not need, so that somebody who gets
// hold of it through what it reads can do little more than the program itself does.
//
// [Drop] comes first in a program: it drops capabilities, and sets no_new_privs. [Enter]
// comes when the program has opened what needs more than its daily work. It confines the
// process in two ways, for good:
//
//   - Landlock: files are opened below the folders of the [Profile] only, none is
//     executed, no TCP port of one's choice is taken, and without Profile.Inet none is
//     connected to.
//   - seccomp: all system calls fail with EPERM but those that Go's runtime, files and the
//     sockets of the Profile need. No program is started, nothing new is listened on, no other
//     process is signalled or traced, no memory becomes executable after it was writable.
//
// Both hold for all threads, with and without cgo. A refused act fails; it never ends the
// process. What the kernel or the processor does not support is left out, and the
// [Status] says so: Landlock needs Linux 5.13 (5.19 where files move between folders), the
// filter of system calls amd64, arm64, 386 or arm. On 386, sockets of any family can be
// opened, since one system call with its arguments in memory is for all of them.
//
// Rules are for folders, since programs replace files by renaming others. A folder that is
// not there when the process enters stays closed, and so does one that takes the place of
// a folder. Landlock does not look at stat(2), at sockets that are files, nor at
// descriptors that are open already.
//
// The package never widens what a process may do, and never acts on its own: programs
// call it, plugins do not.
package sandbox
