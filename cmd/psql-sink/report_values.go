package main

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

// parseMoment parses a time, or a duration before another time. A time of day means its
// last occurrence that is not after that other time.
func parseMoment(text string, before time.Time) (time.Time, error) {
	days := 0
	if n, err := fmt.Sscanf(text, "%dd", &days); n == 1 && err == nil && text == fmt.Sprintf("%dd", days) && days >= 0 {
		return before.AddDate(0, 0, -days), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return before.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return lastTimeOfDay(at, before.Local()), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time, such as 2006-01-02 15:04 or 15:04, nor how long ago, such as 90m or 7d", text)
}

func lastTimeOfDay(at, before time.Time) time.Time {
	year, month, day := before.Date()
	hour, minute, second := at.Clock()
	last := time.Date(year, month, day, hour, minute, second, 0, time.Local)
	if last.After(before) {
		last = time.Date(year, month, day-1, hour, minute, second, 0, time.Local)
	}
	return last
}

// numberPorts replaces names of services by their numbers.
func numberPorts(ports []string) error {
	for i, port := range ports {
		if port == "other" { // as the tables call it
			ports[i] = "-1"
			continue
		}
		if n, err := strconv.Atoi(port); err == nil && n >= -1 && n <= 65535 {
			continue
		}
		n, err := net.LookupPort("tcp", port)
		if err != nil {
			n, err = net.LookupPort("udp", port)
		}
		if err != nil || port == "" {
			return fmt.Errorf("%q is neither a port, -1 for those that are not told apart, nor a service of /etc/services", port)
		}
		ports[i] = strconv.Itoa(n)
	}
	return nil
}
