package main

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// What a member's line turned out to be.
type verdict int

const (
	blank verdict = iota
	message
	quit
	tooLong
	invalid
)

// A lineReader cuts a member's octets into lines and judges each. How the octets were cut into
// reads makes no difference (FRM-1).
type lineReader struct {
	limit      int
	incomplete []byte
}

// cut takes the first line off octets and returns it with what follows it. It returns ok false
// when no line ends in octets; the incomplete line is then kept. The line is valid until the next
// call. A line that is too long is returned as soon as it is (LIM-2), with its end or without.
func (r *lineReader) cut(octets []byte) (line, rest []byte, ok bool) {
	end := bytes.IndexByte(octets, '\n')
	if end < 0 {
		r.incomplete = append(r.incomplete, octets...)
		return r.incomplete, nil, len(r.incomplete) > r.limit
	}
	line, rest = octets[:end], octets[end+1:]
	if len(r.incomplete) > 0 {
		line = append(r.incomplete, line...)
		r.incomplete = line[:0]
	}
	return line, rest, true
}

// judge treats a line in the order of the standard: limit, decode, trim, compare, make safe. What
// is trimmed are the 25 code points of Unicode's own property (TXT-3).
func judge(line []byte, limit int) (verdict, []byte) {
	text := bytes.TrimFunc(line, func(r rune) bool { return unicode.Is(unicode.White_Space, r) })
	switch {
	case len(line) > limit:
		return tooLong, nil
	case !utf8.Valid(line):
		return invalid, nil
	case len(text) == 0:
		return blank, nil
	case string(text) == "quit":
		return quit, nil
	}
	return message, bytes.Map(safe, text)
}

// safe maps what is outside the Unicode Assignables, and CR, to U+FFFD (TXT-4).
func safe(r rune) rune {
	switch {
	case r < 0x20 && r != '\t', 0x7F <= r && r <= 0x9F,
		0xFDD0 <= r && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
		return utf8.RuneError
	}
	return r
}
