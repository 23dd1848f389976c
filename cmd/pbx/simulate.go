package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"tingxin/queue/sim"
)

// runSimulate is "pbx simulate queue": how each way of ordering the queue would serve a day.
func runSimulate(args []string, out, errOut io.Writer) error {
	if len(args) == 0 || args[0] != "queue" {
		return usage{errors.New("simulate what? \"pbx simulate queue --help\" tells more")}
	}
	fs := newFlags("simulate queue", "Play a contact centre's day many times and compare ways of ordering its queue.", errOut)
	var c sim.Config
	arrivals := fs.String("arrivals", "118,135,150", "arrivals per hour; several `rates` with commas between")
	fs.IntVar(&c.Runs, "runs", 30, "how many days")
	fs.Float64Var(&c.Hours, "hours", 10, "of arrivals per day")
	fs.IntVar(&c.Agents, "agents", 15, "how many")
	fs.IntVar(&c.Slots, "slots", 3, "contacts at once per agent")
	fs.DurationVar(&c.Handle, "handle", 13*time.Minute, "mean handle time")
	fs.Uint64Var(&c.Seed, "seed", 0, "of the dice; 0 takes the one of the documented table")
	path := fs.String("json", "", "also write the results to this `file`")
	if err := parse(fs, args[1:]); err != nil {
		return err
	}
	if c.Runs <= 0 || c.Agents <= 0 || c.Slots <= 0 || c.Hours <= 0 || c.Handle <= 0 {
		return usage{errors.New("simulate queue: runs, hours, agents, slots and handle must be more than zero")}
	}
	var days []simulated
	for _, text := range strings.Split(*arrivals, ",") {
		rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || !(rate > 0) {
			return usage{fmt.Errorf("simulate queue: arrivals %q is no number of arrivals per hour", text)}
		}
		c.Arrivals = rate
		results, err := sim.Run(c)
		if err != nil {
			return usage{fmt.Errorf("simulate queue: %w", err)}
		}
		days = append(days, simulated{rate, results})
	}
	printSimulated(out, days)
	if *path == "" {
		return nil
	}
	text, err := json.MarshalIndent(days, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(*path, append(text, '\n'), 0o644)
}

// simulated is the table at one rate.
type simulated struct {
	Arrivals float64      `json:"arrivals_per_hour"`
	Policies []sim.Result `json:"policies"`
}

func printSimulated(out io.Writer, days []simulated) {
	fmt.Fprintf(out, "%9s  %-13s  %-26s  %s\n", "arrivals", "order", "answered in time %", "mean wait min")
	fmt.Fprintf(out, "%9s  %-13s  %-26s  %s\n", "per hour", "", "urgent / high / normal", "urgent / high / normal")
	for _, day := range days {
		for _, r := range day.Policies {
			met, wait := make([]string, len(r.Levels)), make([]string, len(r.Levels))
			for i, l := range r.Levels {
				met[i], wait[i] = fmt.Sprintf("%5.1f", l.Met), fmt.Sprintf("%5.1f", l.MeanWait.Minutes())
			}
			fmt.Fprintf(out, "%9g  %-13s  %-26s  %s\n", day.Arrivals, r.Policy, strings.Join(met, " / "), strings.Join(wait, " / "))
		}
	}
}
