// Prints what robfig/cron, which Kubernetes uses, makes of cron expressions: `go run . > ../robfig.json`.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

type V struct {
	Cron  string   `json:"cron"`
	Zone  string   `json:"zone,omitempty"`
	After string   `json:"after,omitempty"`
	Next  []string `json:"next,omitempty"`
	Valid bool     `json:"valid"`
}

func main() {
	exprs := []string{
		"* * * * *", "*/5 * * * *", "5/15 * * * *", "0 0 * * 7", "0 0 * * 5-7", "0 0 * * L", "0 0 * * 5#2", "0 0 15W * *", "@midnight", "@every 1h", "@every 1h30m", "@every 90s", "@every 1.5h", "@every 500ms", "@every 0", "@every -5m", "@every", "@every  5m", "@every 5", "@every 1d", "@every .5m", "@every 1h 30m", "@every 1h0", "@every 2562048h", "@every 9223372036s", "@every +5m", "@every 1.m", "@every .s", "@every 1e3s",
		"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly", "@reboot", "@Daily", " @daily", "@daily ",
		"", " ", "* * * *", "* * * * * *", "*  *\t* * *", " * * * * * ", "60 * * * *", "-1 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *", "* * * * -1",
		"0 0 1 jan *", "0 0 1 JAN-mar *", "0 0 1 january *", "0 0 * * mon-fri", "0 0 * * SUN", "0 0 * * sat-sun", "0 0 * * fri-mon", "? ? ? ? ?", "0 0 ? * *", "*/0 * * * *", "*/1 * * * *", "*/60 * * * *", "*/100 * * * *", "1-5/2 * * * *", "1-5-7 * * * *", "1/2/3 * * * *", "*-5 * * * *", "?-5 * * * *", "*-5-7 * * * *", "1,,2 * * * *", ", * * * *", "1,2,3 4,5 * * *", "+5 * * * *", "05 007 * * *", "5- * * * *", "-5 * * * *", "a * * * *", "1.5 * * * *", "99999999999999999999 * * * *", "*/99999999999999999999 * * * *", "*/+2 * * * *", "*/ * * * *", "/5 * * * *", "TZ=UTC * * * * *", "CRON_TZ=UTC * * * * *", "* * * * * TZ=UTC", "10-5 * * * *", "0 0 31 2 *", "0 0 29 2 *", "0 0 30 2 *", "0 0 13 * 5", "0 0 13 * *", "0 0 */2 * 1", "0 0 1-31 * 1", "0 0 * * 0-6", "0 0 * */1 *", "0 0 */1 * 1", "0 22 * * 1-5", "23 0-20/2 * * *", "5 4 * * sun", "0 0,12 1 */2 *", "*/7 3 1 * *", "30 2 * * *", "30 1 * * *", "0 2 * * *", "0 * * * *", "*/30 * * * *", "0 0 * * *", "0 3 * * *", "15 1,2,3 * * *", "0 0 1 1 *", "*/20 0-3 * 3,10,11 0",
		"0 0 * * 1,3,5", "0 12 15 * 3", "59 23 31 12 *", "0 0 31 * *", "0 9-17/4 * * 1-5", "1,2-4,*/30 * * * *", "*,5 0 * * *", "0 0 *,5 * 1", "0 0 * * *,1", "0 0 2 *,1 *",
	}
	// Expressions that are due around the hours in which clocks change.
	changing := map[string]bool{}
	for _, e := range []string{"* * * * *", "30 2 * * *", "30 1 * * *", "0 2 * * *", "0 * * * *", "*/30 * * * *", "0 0 * * *", "0 3 * * *", "15 1,2,3 * * *", "*/20 0-3 * 3,10,11 0", "@daily", "@hourly", "@every 1h30m", "23 0-20/2 * * *"} {
		changing[e] = true
	}
	zones := []struct {
		z      string
		starts []string
	}{
		{"Etc/UTC", []string{"2026-01-31T23:59:59Z", "2027-02-28T12:00:00.5Z"}},
		{"Europe/Berlin", []string{"2026-03-28T20:00:00Z", "2026-10-24T20:00:00Z"}},
		{"America/New_York", []string{"2026-03-08T00:00:00Z", "2026-11-01T00:00:00Z"}},
		{"Asia/Kolkata", []string{"2026-06-30T18:29:00Z"}},
	}
	var out []V
	for _, e := range exprs {
		s, err := cron.ParseStandard(e)
		if err != nil || len(e) > 2 && (e[:3] == "TZ=" || len(e) > 7 && e[:8] == "CRON_TZ=") {
			out = append(out, V{Cron: e})
			continue
		}
		for _, z := range zones {
			loc, err := time.LoadLocation(z.z)
			if err != nil {
				panic(err)
			}
			if z.z != "Etc/UTC" && !changing[e] {
				continue
			}
			for _, st := range z.starts {
				t, err := time.Parse(time.RFC3339Nano, st)
				if err != nil {
					panic(err)
				}
				v := V{Cron: e, Zone: z.z, After: st, Valid: true, Next: []string{}}
				n := t.In(loc)
				for i := 0; i < 4; i++ {
					n = s.Next(n)
					if n.IsZero() {
						break
					}
					v.Next = append(v.Next, n.UTC().Format(time.RFC3339))
				}
				out = append(out, v)
			}
		}
	}
	// One line each, so that a change shows as a change of lines.
	for i, v := range out {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		lead := ","
		if i == 0 {
			lead = "["
		}
		fmt.Fprintf(os.Stdout, "%s%s\n", lead, b)
	}
	fmt.Fprintln(os.Stdout, "]")
}
