// Package vpn_traffic is a Telegraf output that stores conntrack accounting in
// the Postgres table vpn_traffic.
//
// Write makes a batch durable as report files in a spool on disk and returns;
// one goroutine imports them from there. So no row is lost while the database
// is away, and every row is stored exactly once, however often it comes. What
// cannot be a row is set aside with the reason, never dropped without a word.
package vpn_traffic

import (
	"context"
	_ "embed" // the sample configuration
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/plugins/outputs"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/ingest"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/spool"
	"telegraf-conntrack-accounting/internal/store"
)

//go:embed sample.conf
var sampleConfig string

func init() {
	outputs.Add("vpn_traffic", func() telegraf.Output { return New() })
}

// VPNTraffic is the plugin. Its exported fields are its configuration.
type VPNTraffic struct {
	DSN            string          `toml:"dsn"`
	Spool          string          `toml:"spool"`
	SpoolLimit     config.Size     `toml:"spool_limit"`
	Archive        bool            `toml:"archive"`
	ArchiveMaxAge  config.Duration `toml:"archive_max_age"`
	ArchiveMaxSize config.Size     `toml:"archive_max_size"`
	HostTag        string          `toml:"host_tag"`
	Measurements   []string        `toml:"measurements"`
	CloseTimeout   config.Duration `toml:"close_timeout"`
	Sandbox        bool            `toml:"sandbox"`

	Retention       config.Duration `toml:"retention"`
	RetentionMinute config.Duration `toml:"retention_minute"`
	RetentionHour   config.Duration `toml:"retention_hour"`

	Listen            []string    `toml:"listen"`
	TLSCert           string      `toml:"tls_cert"`
	TLSKey            string      `toml:"tls_key"`
	TLSAllowedCACerts []string    `toml:"tls_allowed_cacerts"`
	ClientsFile       string      `toml:"clients_file"`
	MaxBody           config.Size `toml:"max_body"`

	Log telegraf.Logger `toml:"-"`

	scan     time.Duration // how often to look for reports that nobody told of
	patience time.Duration // with one transaction

	db       *store.DB
	spool    *spool.Spool
	importer *ingest.Importer

	unreadable rejected // lines that came since the last Write
	rejections rejections
}

// New returns the plugin with its default configuration.
func New() *VPNTraffic {
	return &VPNTraffic{
		Spool:        "/var/lib/psql-sink",
		SpoolLimit:   4 << 30,
		HostTag:      "host",
		Measurements: []string{"conntrack_accounting", "traffic"},
		CloseTimeout: config.Duration(4 * time.Second),
		Sandbox:      true,
		scan:         ingest.ScanEvery,
		patience:     ingest.Patience,

		Retention:       config.Duration(30 * day),
		RetentionMinute: config.Duration(90 * day),
		RetentionHour:   config.Duration(730 * day),

		Listen:            []string{"unix:///run/psql-sink/write.sock"},
		TLSAllowedCACerts: []string{},
		MaxBody:           32 << 20,
	}
}

const day = 24 * time.Hour

// SampleConfig returns the sample configuration.
func (*VPNTraffic) SampleConfig() string { return sampleConfig }

// Init checks the configuration.
func (v *VPNTraffic) Init() error {
	switch {
	case v.Spool == "":
		return errors.New(`spool is empty: name a folder for reports, such as "/var/lib/psql-sink"`)
	case v.SpoolLimit <= 0:
		return fmt.Errorf("spool_limit = %d: must be more than 0", v.SpoolLimit)
	case v.ArchiveMaxAge < 0:
		return fmt.Errorf("archive_max_age = %v: must not be negative; 0 sets no limit", time.Duration(v.ArchiveMaxAge))
	case v.ArchiveMaxSize < 0:
		return fmt.Errorf("archive_max_size = %d: must not be negative; 0 sets no limit", v.ArchiveMaxSize)
	case v.HostTag == "":
		return errors.New(`host_tag is empty: name the tag of the gateway's name, such as "host"`)
	case len(v.Measurements) == 0 || slices.Contains(v.Measurements, ""):
		return fmt.Errorf("measurements = %q: name at least one, and none that is empty", v.Measurements)
	case v.CloseTimeout <= 0:
		return fmt.Errorf("close_timeout = %v: must be more than 0", time.Duration(v.CloseTimeout))
	case v.MaxBody <= 0:
		return fmt.Errorf("max_body = %d: must be more than 0", v.MaxBody)
	}
	if err := v.CheckRetention(); err != nil {
		return err
	}
	db, err := store.Open(v.DSN)
	if err != nil {
		return err
	}
	v.db = db
	return nil
}

// CheckRetention returns an error when rows would be kept for less than a day.
func (v *VPNTraffic) CheckRetention() error {
	for _, option := range [...]struct {
		name  string
		value config.Duration
	}{{"retention", v.Retention}, {"retention_minute", v.RetentionMinute}, {"retention_hour", v.RetentionHour}} {
		if value := time.Duration(option.value); value != 0 && value < day {
			return fmt.Errorf("%s = %v: must be a day (\"24h\" or \"1d\") or more, or 0 to keep rows forever", option.name, value)
		}
	}
	return nil
}

// reserve is room on the spool's disk for what Telegraf writes until it notices
// that the disk is full: its largest batch and a full pipe, many times over.
const reserve = 16 << 20

// rejectedLimit is what rejected/ may hold: somebody is to look at it, and what comes
// beyond says nothing new.
const rejectedLimit = 2 << 30

// Connect opens the spool and starts importing from it. The database may be
// away.
func (v *VPNTraffic) Connect() error {
	reports, err := spool.Open(v.Spool, v.spoolOptions())
	if err != nil {
		return err
	}
	for _, found := range v.doubtful() {
		v.Log.Warn(found.Text())
	}
	const patience = 5 * time.Second // for a predecessor that is just ending
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := reports.Lock(ctx); err != nil {
		return err
	}
	if exposed := reports.Exposed(); exposed.Level != check.OK {
		v.Log.Warn(exposed.Text())
	}
	v.spool = reports
	v.importer = ingest.NewImporter(ingest.ImporterOptions{
		DB: v.db, Spool: reports, Log: v.Log, Metrics: v.converter(), Keep: v.Keep(), Scan: v.scan, Patience: v.patience,
	})
	v.importer.Start()
	return nil
}

func (v *VPNTraffic) spoolOptions() spool.Options {
	return spool.Options{
		Limit: int64(v.SpoolLimit), Reserve: reserve, Archive: v.Archive,
		ArchiveMaxAge: time.Duration(v.ArchiveMaxAge), ArchiveMaxSize: int64(v.ArchiveMaxSize), RejectedLimit: rejectedLimit,
	}
}

// Keep returns for how long rows are kept.
func (v *VPNTraffic) Keep() schema.Retention {
	return schema.Retention{
		Raw: time.Duration(v.Retention), Minute: time.Duration(v.RetentionMinute), Hour: time.Duration(v.RetentionHour),
	}
}

// Rejected takes note of a line that its reader could make no metric of. The next
// Write keeps it with the metrics that are not rows. As Write, it is called by one
// goroutine at a time.
func (v *VPNTraffic) Rejected(line []byte, reason error) { v.unreadable.addLine(line, reason) }

// Converter returns what makes rows of metrics, as the sink is configured to.
func (v *VPNTraffic) Converter() ingest.Metrics { return v.converter() }

func (v *VPNTraffic) converter() *converter { return &converter{v.HostTag, v.Measurements} }

// Write makes metrics durable. When it returns nil, every one of them is in
// the spool, as a row of a report or as a rejected metric with its reason.
func (v *VPNTraffic) Write(metrics []telegraf.Metric) error {
	b := v.NewBatch("", nil)
	b.rejected, v.unreadable = v.unreadable, rejected{}
	b.taken = b.rejected.total
	for _, m := range metrics {
		b.Add(m)
	}
	_, err := b.Store()
	return err
}

// Accepting returns an error when the spool has no room for more metrics. Those
// that are on their way are still taken.
func (v *VPNTraffic) Accepting() error { return v.spool.Room() }

// Status says in a line what waits in the spool, and what keeps it from being stored;
// and whether importing is stuck, so that only another process can go on with it.
func (v *VPNTraffic) Status() (line string, stuck bool) { return v.importer.Status() }

// Close goes on importing for the time allowed, and ends. What is left stays in
// the spool.
func (v *VPNTraffic) Close() error {
	if v.importer != nil {
		v.importer.Stop(time.Duration(v.CloseTimeout))
		return errors.Join(v.spool.Unlock(), v.db.Close())
	}
	return nil
}

// Paths are the files and folders that the plugin needs while it runs, for a program that
// confines itself to them. They are known after Init.
type Paths struct {
	Read  []string // files that the options name
	Usual []string // files that are read when they are there
	Write []string // folders, between which files move
}

// Paths returns what the plugin needs.
func (v *VPNTraffic) Paths() Paths {
	p := Paths{Write: spool.Folders(v.Spool)}
	p.Read, p.Usual = v.db.Files()
	for _, path := range append([]string{v.TLSCert, v.TLSKey, v.ClientsFile}, v.TLSAllowedCACerts...) {
		if path != "" {
			p.Read = append(p.Read, path)
		}
	}
	return p
}
