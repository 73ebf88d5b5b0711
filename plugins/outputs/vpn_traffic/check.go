package vpn_traffic

import (
	"context"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/spool"
)

// Check finds out, after Init, what must hold for the sink, without changing anything:
// of the database and of the spool, which a user is to work with. importCommand imports
// the files that follow it.
func (v *VPNTraffic) Check(ctx context.Context, by check.User, importCommand string) []check.Finding {
	return check.All(
		ctx,
		check.Part{Name: "database", Find: v.checkDatabase},
		check.Part{Name: "spool", Find: func(context.Context) []check.Finding {
			return append(spool.Check(v.Spool, v.spoolOptions(), by, importCommand), v.doubtful()...)
		}},
	)
}

func (v *VPNTraffic) checkDatabase(ctx context.Context) []check.Finding {
	defer func() { _ = v.db.Close() }()
	found, takesRows := v.db.CheckHosts(ctx)
	if !takesRows {
		return found
	}
	return append(found, v.db.Check(ctx, v.Keep())...)
}
