package pgconn

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// parameters are connection parameters by libpq's keywords.
type parameters map[string]string

// parseDSN takes libpq's keywords or its URL apart. lib/pq can do that too, but
// not tell afterwards what was given and what was not, nor read a URL of several
// hosts with ports. Errors quote nothing: it may be of a password.
func parseDSN(dsn string) (parameters, error) {
	for _, scheme := range [...]string{"postgres://", "postgresql://"} {
		if rest, ok := strings.CutPrefix(dsn, scheme); ok {
			return parseURL(rest)
		}
	}
	return parseKeywords(dsn)
}

const spaces = " \t\n\r\v\f"

func parseKeywords(text string) (parameters, error) {
	found := make(parameters)
	for {
		text = strings.TrimLeft(text, spaces)
		if text == "" {
			return found, nil
		}
		keyword, rest, ok := strings.Cut(text, "=")
		keyword = strings.TrimRight(keyword, spaces)
		if !ok || keyword == "" || strings.ContainsAny(keyword, spaces) {
			return nil, errors.New(`a keyword without "="; a value with a space needs quotes, as in password='...'`)
		}
		value, rest, err := parseValue(strings.TrimLeft(rest, spaces))
		if err != nil {
			return nil, fmt.Errorf("the value of %s %w", keyword, err)
		}
		found[keyword], text = value, rest
	}
}

// parseValue reads a value, in quotes or up to the next space, and returns what
// follows it. A backslash takes the next character as it is.
func parseValue(text string) (value, rest string, err error) {
	rest, quoted := strings.CutPrefix(text, "'")
	var out strings.Builder
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case quoted && c == '\'':
			return out.String(), rest[i+1:], nil
		case !quoted && strings.IndexByte(spaces, c) >= 0:
			return out.String(), rest[i:], nil
		case c == '\\' && i+1 == len(rest):
			return "", "", errors.New("ends with a backslash")
		case c == '\\':
			i++
			out.WriteByte(rest[i])
		default:
			out.WriteByte(c)
		}
	}
	if quoted {
		return "", "", errors.New("lacks its closing quote")
	}
	return out.String(), "", nil
}

// parseURL reads [user[:password]@][host[:port],...][/dbname][?keyword=value&...].
func parseURL(text string) (parameters, error) {
	text, query, _ := strings.Cut(text, "?")
	authority, database, _ := strings.Cut(text, "/")
	found := make(parameters)
	var user, password string
	hosts := authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		hosts = authority[at+1:]
		user, password, _ = strings.Cut(authority[:at], ":")
	}
	if hosts == authority && strings.Contains(authority, ":") && strings.Contains(database+query, "@") {
		return nil, errors.New(`the user or the password seems to hold a "/" or "?": write it as %2F or %3F`)
	}
	addresses, ports, err := splitHosts(hosts)
	if err != nil {
		return nil, err
	}
	pairs := [][2]string{{"user", user}, {"password", password}, {"host", addresses}, {"port", ports}, {"dbname", database}}
	for pair := range strings.SplitSeq(query, "&") {
		keyword, value, _ := strings.Cut(pair, "=")
		if keyword == "ssl" && value == "true" { // JDBC's way
			keyword, value = "sslmode", "require"
		}
		pairs = append(pairs, [2]string{keyword, value})
	}
	for _, pair := range pairs {
		value, err := url.PathUnescape(pair[1])
		if err != nil {
			return nil, fmt.Errorf(`the %s has a "%%" that is not followed by two hex digits: write it as %%25`, pair[0])
		}
		if value != "" {
			found[pair[0]] = value
		}
	}
	return found, nil
}

// splitHosts takes the hosts of a URL apart, as lists like those of the
// keywords host and port.
func splitHosts(text string) (hosts, ports string, err error) {
	var names, numbers []string
	for address := range strings.SplitSeq(text, ",") {
		name, port, _ := strings.Cut(address, ":")
		if inner, ok := strings.CutPrefix(address, "["); ok { // IPv6
			if name, port, ok = strings.Cut(inner, "]"); !ok {
				return "", "", errors.New(`the host lacks its closing "]"`)
			}
			port = strings.TrimPrefix(port, ":")
		}
		names, numbers = append(names, name), append(numbers, port)
	}
	if strings.Join(numbers, "") != "" {
		ports = strings.Join(numbers, ",")
	}
	return strings.Join(names, ","), ports, nil
}

// String returns the parameters as keywords with quoted values.
func (p parameters) String() string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var words []string
	for _, keyword := range slices.Sorted(maps.Keys(p)) {
		words = append(words, keyword+"='"+quote.Replace(p[keyword])+"'")
	}
	return strings.Join(words, " ")
}

// RefusePassword returns an error when a dsn holds a password: everybody on a
// machine can read the command lines of its programs.
func RefusePassword(dsn string) error {
	given, err := parseDSN(dsn)
	if err != nil {
		return fmt.Errorf("malformed dsn: %w", err)
	}
	if given["password"] != "" {
		return errors.New("no password on a command line, please: put it into ~/.pgpass (PGPASSFILE) or into a service file")
	}
	return nil
}
