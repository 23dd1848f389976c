package bot

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/pg/pgtest"
)

// seeded are the names of intents after a start of the bot's store.
func seeded(t *testing.T, db *pg.DB) (names, added, full []string) {
	t.Helper()
	added, full, err := NewStore(db).seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names, err = pg.Rows(t.Context(), db, pgx.RowTo[string], `select name from bot_intents order by name`)
	if err != nil {
		t.Fatal(err)
	}
	return names, added, full
}

// older makes the database one of before starters were remembered, and has do work on it; then the migration comes.
func older(t *testing.T, db *pg.DB, do string) {
	t.Helper()
	step, err := os.ReadFile("../pg/migrations/00037_starters.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{`drop table bot_starters`, do, string(step)} {
		if _, err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStartersComeOnce(t *testing.T) {
	t.Parallel()
	all, err := Starter()
	if err != nil {
		t.Fatal(err)
	}
	every := make([]string, 0, len(all))
	for _, i := range all {
		every = append(every, i.Name)
	}
	slices.Sort(every)
	without := func(name string) []string {
		return slices.DeleteFunc(slices.Clone(every), func(n string) bool { return n == name })
	}

	t.Run("a new server has all, and what is deleted there stays away", func(t *testing.T) {
		db := pgtest.New(t)
		if names, added, full := seeded(t, db); !slices.Equal(names, every) || len(added) != len(all) || full != nil {
			t.Fatalf("%v after the first start, %v added, no room for %v", names, added, full)
		}
		if _, err := NewStore(db).Policy(t.Context()); err != nil {
			t.Fatalf("the policy: %v", err)
		}
		if _, err := db.Exec(t.Context(), `delete from bot_intents where name = 'praise'`); err != nil {
			t.Fatal(err)
		}
		if names, added, _ := seeded(t, db); !slices.Equal(names, without("praise")) || added != nil {
			t.Errorf("after a deletion: %v, %v added", names, added)
		}
		if _, err := db.Exec(t.Context(), `delete from bot_intents`); err != nil {
			t.Fatal(err)
		}
		if names, _, _ := seeded(t, db); len(names) > 0 {
			t.Errorf("after all were deleted: %v", names)
		}
	})

	t.Run("an old server gets what came later, once, and nothing else changes", func(t *testing.T) {
		db := pgtest.New(t)
		seeded(t, db)
		older(t, db, `delete from bot_intents where name in ('insult', 'praise');
			update bot_intents set title = '{"en": "Ours"}', updated_by = 'anna' where name = 'greeting'`)
		names, added, _ := seeded(t, db)
		if !slices.Equal(added, []string{"insult"}) || !slices.Equal(names, without("praise")) {
			t.Fatalf("%v, %v added: want insult alone", names, added)
		}
		ours, err := pg.Row(t.Context(), db, pgx.RowTo[string], `select title ->> 'en' || updated_by || version from bot_intents where name = 'greeting'`)
		if err != nil || ours != "Oursanna1" {
			t.Errorf("an intent that was changed is %q, %v", ours, err)
		}
		n, err := pg.Row(t.Context(), db, pgx.RowTo[int], `select count(*)::int from bot_phrases where intent = 'insult' and source = 'starter'`)
		if err != nil || n == 0 {
			t.Errorf("%d phrases of it, %v", n, err)
		}
		if _, err := db.Exec(t.Context(), `delete from bot_intents where name = 'insult'`); err != nil {
			t.Fatal(err)
		}
		if _, added, _ := seeded(t, db); added != nil {
			t.Errorf("it came a second time: %v", added)
		}
	})

	t.Run("one that an old server had and somebody deleted stays away", func(t *testing.T) {
		db := pgtest.New(t)
		seeded(t, db)
		older(t, db, `delete from bot_intents where name = 'insult';
			insert into audit (id, at, actor, action, subject, address, detail, prev, hash) values (1, now(), 'anna', 'bot.intent_deleted', 'bot_intent:insult', '', '{}', '', '')`)
		if names, added, _ := seeded(t, db); !slices.Equal(names, without("insult")) || added != nil {
			t.Errorf("%v, %v added", names, added)
		}
	})

	t.Run("a name that the company uses is its own", func(t *testing.T) {
		db := pgtest.New(t)
		seeded(t, db)
		older(t, db, `delete from bot_phrases where intent = 'insult'; update bot_intents set answer = '{"en": "Ours"}' where name = 'insult'`)
		_, added, _ := seeded(t, db)
		n, err := pg.Row(t.Context(), db, pgx.RowTo[int], `select count(*)::int from bot_phrases where intent = 'insult'`)
		if added != nil || n > 0 || err != nil {
			t.Errorf("%v added, %d phrases, %v", added, n, err)
		}
	})

	t.Run("no room keeps nobody from starting; with room it comes", func(t *testing.T) {
		db := pgtest.New(t)
		seeded(t, db)
		older(t, db, fmt.Sprintf(`delete from bot_intents where name = 'insult';
			insert into bot_intents (name, kind) select 'own_' || n, 'foreign' from generate_series(1, %d - (select count(*) from bot_intents)) n`, maxIntents))
		if _, added, full := seeded(t, db); added != nil || !slices.Equal(full, []string{"insult"}) {
			t.Fatalf("%v added, no room for %v", added, full)
		}
		if _, err := db.Exec(t.Context(), `delete from bot_intents where name = 'own_1'`); err != nil {
			t.Fatal(err)
		}
		if _, added, _ := seeded(t, db); !slices.Equal(added, []string{"insult"}) {
			t.Errorf("%v added", added)
		}
	})
}
