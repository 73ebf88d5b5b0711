// Package notation reads what operators write in the configuration and in lists:
// masks, networks, ports, protocols, and the keys of group_by. It makes of them the
// values that package accounting works with. Its errors quote what they are about,
// name the line of a list, and say what is wanted.
//
// It reads texts only: opening and watching files is up to the caller.
package notation
