// Package statefile keeps the state of a process in one file: what it describes, when it
// was written, and a body that the caller defines.
//
// A file appears complete or not at all, and a checksum detects damage. [Supersede] sets
// a mark in place once the state is out of date: if the process is killed before it
// writes the next state, the file is known to be old.
//
// A state survives a crash of the process at any time, but not of the machine: nothing is
// synced to disk. It describes this boot only, and is not valid after it.
package statefile
