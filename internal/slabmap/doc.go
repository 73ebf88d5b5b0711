// Package slabmap is a map for millions of small values that are read again and
// again in much the same order.
//
// It holds no pointers for the garbage collector to follow, never copies a value
// when it grows, and hands out pointers to values, so that a value is looked up
// once and changed in place. Records lie in chunks, in the order in which they were
// put; the index is an open-addressing hash table with linear probing.
package slabmap
