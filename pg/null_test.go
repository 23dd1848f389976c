package pg

import (
	"testing"
	"time"
)

func TestZeroIsNull(t *testing.T) {
	east := time.FixedZone("east", 8*3600)
	at := time.Date(2026, 11, 29, 20, 0, 0, 0, east)
	if OrNull(time.Time{}) != nil || OrNull(time.Time{}.In(east)) != nil || OrNull(0) != nil || OrNull("") != nil {
		t.Error("a zero value is not null")
	}
	if v := OrNull(at); v == nil || !v.Equal(at) || *OrNull(7) != 7 {
		t.Error("a value is lost")
	}
	if !Moment(nil).IsZero() || Moment(&at).Location() != time.UTC || !Moment(&at).Equal(at) {
		t.Error("a time is not as PostgreSQL has it, in UTC")
	}
}
