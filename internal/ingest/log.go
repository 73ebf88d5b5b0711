package ingest

// Logger is where the operator reads.
type Logger interface {
	Debugf(format string, args ...any)
	Infof(format string, args ...any)
	Info(args ...any)
	Warnf(format string, args ...any)
	Warn(args ...any)
	Errorf(format string, args ...any)
}
