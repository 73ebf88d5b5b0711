// Package writeapi takes line protocol over HTTP as InfluxDB does, so that Telegraf's
// outputs.influxdb_v2 and outputs.influxdb deliver to it unchanged.
//
// It answers 204 only when every metric of a request is durable, as a row or as something
// that was rejected with its reason. Whatever may pass at a later time is answered so that
// the client keeps it: outputs.influxdb_v2 drops what is answered by 400, 406 or 422, and
// outputs.influxdb what is answered by any 4xx. A request that was stored in part is safe to
// send again, because rows that come again are stored once.
//
// A body is stored in parts while it is read, so the memory of a request does not grow with
// it. The package never stores anything itself, and knows nothing of rows.
package writeapi
