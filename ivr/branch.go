package ivr

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Hours is what a Line offers besides when there are opening hours.
type Hours interface {
	// Hours is OpenNow, ClosedNow or HolidayNow, by the name of a calendar or of the queue that has one.
	Hours(ctx context.Context, calendar, queue string) (string, error)
}

// What Hours says.
const (
	OpenNow    = "open"
	ClosedNow  = "closed"
	HolidayNow = "holiday" // closed because of the day
)

// ErrNoHours says that a line knows no opening hours.
var ErrNoHours = errors.New("there are no opening hours here")

// branch names the node of the first case that holds.
func (r *run) branch(ctx context.Context, n *Node, b *Branch) (string, error) {
	value := ""
	if b.On != "" {
		value = r.value(b.On)
	} else {
		line, ok := r.line.(Hours)
		if !ok {
			return "", ErrNoHours
		}
		var err error
		if value, err = line.Hours(ctx, b.Calendar, b.Queue); err != nil {
			return "", err
		}
		if _, ok := b.Cases[value]; !ok && value == HolidayNow {
			value = ClosedNow
		}
	}
	if to, ok := b.Cases[value]; ok {
		return to, nil
	}
	tests := make([]string, 0, len(b.Cases))
	for test := range b.Cases {
		tests = append(tests, test)
	}
	// The narrowest limit first: of ">10" and ">100" the second counts for 200.
	slices.SortFunc(tests, func(a, b string) int {
		opA, x, _ := comparison(a)
		_, y, _ := comparison(b)
		if strings.HasPrefix(opA, ">") {
			x, y = y, x
		}
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	})
	for _, test := range tests {
		if op, limit, ok := comparison(test); ok && compare(value, op, limit) {
			return b.Cases[test], nil
		}
	}
	return firstOf(b.Else, n.Next), nil
}

// comparison reads "<10", "<=10", ">10" or ">=10".
func comparison(s string) (op string, limit float64, ok bool) {
	rest := strings.TrimLeft(s, "<>=")
	op = s[:len(s)-len(rest)]
	switch op {
	case "<", "<=", ">", ">=":
	default:
		return "", 0, false
	}
	limit, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
	return op, limit, err == nil
}

func compare(value, op string, limit float64) bool {
	v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return false
	}
	switch op {
	case "<":
		return v < limit
	case "<=":
		return v <= limit
	case ">":
		return v > limit
	}
	return v >= limit
}
