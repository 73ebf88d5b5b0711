// Package top shows on a terminal who uses the link right now: a table that is asked of
// the database again and again, by what the user chooses with keys.
//
// It changes nothing, and needs no more than the reader's rights. What is stored of
// others reaches the terminal only as characters that stand for themselves.
package top
