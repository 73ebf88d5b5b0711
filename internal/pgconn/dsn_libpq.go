package pgconn

import (
	"fmt"
	"maps"
	"os"
	"slices"
)

// libpqOption is a parameter of libpq that lib/pq does not know, or refuses. It
// works here where it asks for nothing that we do not do.
type libpqOption struct {
	variable string   // of the environment, if there is one
	harmless []string // values that may be passed over; nil: all of them
	remedy   string   // for all other values
}

// libpqOptions are those that lib/pq lacks. To pass over what somebody demands for
// their safety would be no help to them.
var libpqOptions = map[string]libpqOption{
	// We look after silent connections ourselves.
	"keepalives": {}, "keepalives_idle": {}, "keepalives_interval": {}, "keepalives_count": {}, "tcp_user_timeout": {},
	"sslcompression": {variable: "PGSSLCOMPRESSION"}, // no server has it any more
	"sslkeylogfile":  {},
	"gsslib":         {variable: "PGGSSLIB"}, "gssdelegation": {variable: "PGGSSDELEGATION"}, "realm": {variable: "PGREALM"},

	"gssencmode":      {variable: "PGGSSENCMODE", harmless: []string{"disable", "prefer"}, remedy: "TLS can do the same: sslmode=verify-full"},
	"channel_binding": {variable: "PGCHANNELBINDING", harmless: []string{"disable", "prefer"}, remedy: "sslmode=verify-full makes sure of the server"},
	"sslcertmode":     {variable: "PGSSLCERTMODE", harmless: []string{"disable", "allow"}, remedy: "let pg_hba.conf ask for the certificate"},
	"requiressl":      {variable: "PGREQUIRESSL", harmless: []string{"0"}, remedy: "write sslmode=require"},
	"replication":     {harmless: []string{"false", "off", "no", "0"}, remedy: "leave it out"},

	"require_auth":        {variable: "PGREQUIREAUTH", harmless: []string{}, remedy: "let pg_hba.conf say how to log in, and sslmode=verify-full make sure of the server"},
	"requirepeer":         {variable: "PGREQUIREPEER", harmless: []string{}, remedy: "put the socket into a folder that only the server's user can write"},
	"sslcrl":              {variable: "PGSSLCRL", harmless: []string{}, remedy: "certificates that are revoked cannot be told here: let them expire"},
	"sslcrldir":           {variable: "PGSSLCRLDIR", harmless: []string{}, remedy: "certificates that are revoked cannot be told here: let them expire"},
	"sslpassword":         {harmless: []string{}, remedy: "keep the key without one, readable by its user alone"},
	"servicefile":         {harmless: []string{}, remedy: "name it in PGSERVICEFILE"},
	"scram_client_key":    {harmless: []string{}, remedy: "give the password in ~/.pgpass"},
	"scram_server_key":    {harmless: []string{}, remedy: "give the password in ~/.pgpass"},
	"oauth_issuer":        {harmless: []string{}, remedy: "log in with a password or a certificate"},
	"oauth_client_id":     {harmless: []string{}, remedy: "log in with a password or a certificate"},
	"oauth_client_secret": {harmless: []string{}, remedy: "log in with a password or a certificate"},
	"oauth_scope":         {harmless: []string{}, remedy: "log in with a password or a certificate"},
}

// unsupportedError says that something is asked for that we do not do.
type unsupportedError struct{ name, remedy string }

func (u *unsupportedError) Error() string {
	return fmt.Sprintf("%s asks for what psql-sink does not do: %s", u.name, u.remedy)
}

// passOver takes out what lib/pq does not know and may be passed over, and refuses
// the rest by its name. Of the environment too: lib/pq would refuse all of it.
func (p parameters) passOver() error {
	for _, keyword := range slices.Sorted(maps.Keys(libpqOptions)) {
		option := libpqOptions[keyword]
		name := keyword
		value, given := p[keyword]
		if !given && option.variable != "" {
			name, value = option.variable, os.Getenv(option.variable)
		}
		if value != "" && option.harmless != nil && !slices.Contains(option.harmless, value) {
			return &unsupportedError{name, option.remedy}
		}
		delete(p, keyword)
		if option.variable != "" {
			if err := os.Unsetenv(option.variable); err != nil {
				return err
			}
		}
	}
	// Both are ours to choose: we write times, and texts, in one way.
	p["client_encoding"], p["datestyle"] = "UTF8", "ISO, MDY"
	return nil
}
