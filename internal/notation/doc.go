// Package notation reads what operators write in the configuration and in lists:
// masks, networks, ports, protocols, and the keys of group_by. It turns
// them into values of package accounting. Its errors quote the wrong text, name the line
// of a list, and describe what is accepted.
//
// It reads texts only; callers open and watch files.
package notation
