package pg_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tingxin/pg/pgtest"
)

func TestListenHearsInOrderUntilItsEnd(t *testing.T) {
	db := pgtest.New(t)
	ctx, stop := context.WithCancel(t.Context())
	heard := make(chan string, 10)
	done := make(chan error, 1)
	go func() { done <- db.Listen(ctx, "tingxin_test", func(p string) { heard <- p }) }() // ends with stop
	for end := time.Now().Add(10 * time.Second); len(heard) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was heard")
		}
		if _, err := db.Exec(t.Context(), `select pg_notify('tingxin_test', 'first')`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(t.Context(), `select pg_notify('tingxin_test', 'second'), pg_notify('tingxin_other', 'not for us'), pg_notify('tingxin_test', 'third')`); err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(got) == 0 || got[len(got)-1] != "third" {
		select {
		case p := <-heard:
			if p != "first" {
				got = append(got, p)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("heard %v", got)
		}
	}
	if len(got) != 2 || got[0] != "second" {
		t.Errorf("heard %v", got)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
