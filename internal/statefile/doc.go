// Package statefile keeps what a process has to remember in one file: who
// wrote it, when, and a body that is the caller's own.
//
// A file appears at once and complete, or not at all, and says itself when it
// is damaged. It has a mark, which [Supersede] sets in place once the world has
// gone on: a process that is killed before it writes the next state leaves one
// behind that is known to be old.
//
// It survives the death of the process, whenever that comes, not that of the
// machine: nothing is synced to the disk. What is kept here is about this boot,
// and worth nothing after it.
package statefile
