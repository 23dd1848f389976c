package ivr_test

import (
	"context"
	"strings"
	"testing"

	"tingxin/ivr"
)

// rehearsed are the steps of a flow without its nodes, one per line.
func rehearsed(t *testing.T, file, keys string, vars map[string]string) string {
	t.Helper()
	f, err := ivr.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	all, result, err := ivr.Rehearse(context.Background(), f, keys, vars)
	if err != nil {
		t.Fatalf("%v after %v", err, all)
	}
	var b strings.Builder
	for _, s := range all {
		if s.Did != "node" {
			b.WriteString(s.String() + "\n")
		}
	}
	for name, v := range result.Vars {
		b.WriteString("var " + name + "=" + v + "\n")
	}
	return b.String()
}

// inOrder looks for lines that begin like that, one after the other.
func inOrder(t *testing.T, got string, want ...string) {
	t.Helper()
	rest := strings.Split(got, "\n")
	for _, w := range want {
		for len(rest) > 0 && !strings.HasPrefix(rest[0], w) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Fatalf("no %q in order in\n%s", w, got)
		}
	}
}

func TestAskedByKeyOrVoice(t *testing.T) {
	const file = "../testdata/flows/account.yaml"
	for name, c := range map[string]struct {
		keys string
		want []string
	}{
		"menu by phrase":          {`"i lost my lost card please",,,`, []string{"menu said", "card record paused"}},
		"menu by a spoken key":    {`"one",,,`, []string{"number timeout"}},
		"spoken, read back, yes":  {`"balance""one two three four""that's right"`, []string{"number said one two", "number say You said 1 2 3 4.", "number said", "number set account=1234", "known say Thank you. Account 1234"}},
		"spoken, no, then keys":   {`1"one two three five""no"1234`, []string{"number say You said 1 2 3 5", "number retry refused 1", "number say Say or enter", "number set account=1234"}},
		"keys are not read back":  {`11234`, []string{"number key 4", "number set account=1234", "known say"}},
		"in two breaths":          {`1"one two""three four"1`, []string{"number said one two", "number said three four", "number say You said 1 2 3 4", "number key 1", "number set account=1234"}},
		"pairs and doubles":       {`1"double one twenty three"1`, []string{"number set account=1123"}},
		"too many":                {`1"one two three four five""nine nine nine nine"1`, []string{"number retry no_match 1", "number say An account number", "number set account=9999"}},
		"no digits at all":        {`1"well i do not know",,,`, []string{"number retry no_match 1", "number retry no_input 1"}},
		"silence counts alone":    {",,\"nonsense\",,", []string{"menu retry no_input 1", "menu retry no_input 2", "menu retry no_match 1", "talk listen"}},
		"confirmed by silence no": {`1"one two three four",,1234`, []string{"number say You said", "number timeout", "number say You said", "number timeout", "number retry refused 1", "number set account=1234"}},
	} {
		t.Run(name, func(t *testing.T) { inOrder(t, rehearsed(t, file, c.keys, nil), c.want...) })
	}
}

// A card number is in no step, in no variable and in no prompt; its last four are.
func TestSecretsAreShownNowhere(t *testing.T) {
	got := rehearsed(t, "../testdata/flows/account.yaml", `24111111111111111#11234,`, nil)
	inOrder(t, got, "card record paused", "card say It ends in 1 1 1 1.", "card set card=************1111", "card record resumed",
		"expiry record paused", "expiry set expiry=****", "expiry record resumed", "blocked record paused", "blocked say The card ************1111 is blocked.", "blocked record resumed")
	var said strings.Builder
	for _, line := range strings.Split(got, "\n") {
		if !strings.Contains(line, " key ") {
			said.WriteString(line + "\n")
		}
	}
	for _, secret := range []string{"4111111111111111", "4 1 1 1", "1234"} {
		if strings.Contains(said.String(), secret) {
			t.Errorf("%q is shown in\n%s", secret, got)
		}
	}
}

func TestHoursMessagesAndSurveys(t *testing.T) {
	const file = "../testdata/flows/evening.yaml"
	for name, c := range map[string]struct {
		keys, hours string
		want        []string
	}{
		"closed":             {",", "closed", []string{"hours hours support closed", "closed say", "message say 请在提示音后留言", "message message queue support", "thanks say"}},
		"called back later":  {"1", "closed", []string{"closed key 1", "later callback support 555", "promised say"}},
		"not called back":    {"1,", "closed", []string{"later callback support 555", "message message queue support"}},
		"holiday":            {"", "holiday", []string{"holiday say 今天是假日", "message message"}},
		"nobody comes":       {",", "open", []string{"wait queue support", "message message queue support"}},
		"place kept":         {"1", "open", []string{"wait callback support", "kept say"}},
		"score by key":       {"5", "open", []string{"survey key 5", "survey say 如果您愿意补充说明", "survey message survey service", "survey answer service 5 by key", "bye say"}},
		"score by voice":     {`"四分"`, "open", []string{"survey said 四分", "survey answer service 4 by voice"}},
		"no score":           {"", "open", []string{"survey timeout", "survey answer service none", "bye say"}},
		"a score that isn't": {"9", "open", []string{"survey retry no_match 1", "survey answer service none"}},
	} {
		t.Run(name, func(t *testing.T) {
			// the calls of an agent who hangs up first: "after" is set
			inOrder(t, rehearsed(t, file, c.keys, map[string]string{"hours": c.hours, "caller": "555"}), c.want...)
		})
	}
}

func TestTenByKeysIsTwoKeys(t *testing.T) {
	f, err := ivr.Parse("f", []byte("flow: f\nversion: 1\nnodes:\n  - survey: {name: nps, prompt: how, min: 0, max: 10, speech: true}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for keys, want := range map[string]string{"10": "nps 10 by key", "1,": "nps 1 by key", "0": "nps 0 by key", `"i give it ten points"`: "nps 10 by voice", `"十分"`: "nps 10 by voice", `"nine"`: "nps 9 by voice"} {
		all, _, err := ivr.Rehearse(context.Background(), f, keys, nil)
		if last := all[len(all)-1]; err != nil || last.Did != "answer" || last.What != want {
			t.Errorf("%s: %v, %v; want %s", keys, last, err, want)
		}
	}
}

func TestOrderFlow(t *testing.T) {
	const file = "../testdata/flows/hosts/order.yaml"
	for days, want := range map[string]string{"0": "today say Your kettle comes today.", "2": "soon say Your kettle comes within", "12": "later say Your order is packed."} {
		got := rehearsed(t, file, "4711#", map[string]string{"caller": "1 2/3", "days": days, "first": "kettle", "state": "packed"})
		inOrder(t, got, "lookup http GET https://crm.example/orders/4711?caller=1+2%2F3", want)
	}
	inOrder(t, rehearsed(t, file, "4711#", nil), "lookup http", "unknown say We cannot")
}

func TestNewMistakesAreFound(t *testing.T) {
	head := "flow: f\nversion: 1\nnodes:\n"
	for name, c := range map[string]struct{ doc, want string }{
		"host by variable":   {head + "  - set: {h: a}\n  - http: {url: \"https://${h}/x\"}\n", "a host without variables"},
		"userinfo":           {head + "  - http: {url: \"https://a@b/x\"}\n", "a host without variables"},
		"no scheme":          {head + "  - http: {url: \"crm/x\"}\n", "url needs http://"},
		"body of GET":        {head + "  - http: {url: \"https://a/x\", body: {a: 1}}\n", "only POST has a body"},
		"header host":        {head + "  - http: {url: \"https://a/x\", headers: {Host: b}}\n", "is no header"},
		"into builtin":       {head + "  - http: {url: \"https://a/x\", into: {caller: a}}\n", "is not a variable"},
		"two boxes":          {head + "  - voicemail: {queue: a, agent: b}\n", "exactly one of queue and agent"},
		"no box":             {head + "  - voicemail: {max: 1m}\n", "exactly one of queue and agent"},
		"long message":       {head + "  - voicemail: {queue: a, max: 2h}\n", "at most 30m"},
		"score":              {head + "  - survey: {prompt: p, min: 5, max: 5}\n", "from min to max"},
		"words of no option": {head + "  - menu: {prompt: p, options: {\"1\": x}, words: {\"2\": b}}\n  - {id: x, hangup: true}\n", "which is no option"},
		"empty phrase":       {head + "  - gather: {prompt: p, into: a, words: {x: \"...\"}}\n", "is no phrase"},
		"speech":             {head + "  - gather: {prompt: p, into: a, speech: loud}\n", "speech is digits or words"},
		"barge":              {head + "  - gather: {prompt: p, into: a, barge_in_by: foot}\n", "barge_in_by is any"},
		"hours and variable": {head + "  - branch: {on: caller, calendar: a, cases: {open: x}}\n  - {id: x, hangup: true}\n", "one of on, calendar and queue"},
		"case of hours":      {head + "  - branch: {queue: a, cases: {maybe: x}}\n  - {id: x, hangup: true}\n", "cases of opening hours"},
		"pause of a queue":   {head + "  - {queue: {name: a}, record: pause}\n", "is for nodes that speak and ask"},
		"pause misspelt":     {head + "  - {say: a, record: paused}\n", "record beside another kind"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ivr.Parse("f.yaml", []byte(c.doc))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %q does not hold %q", err, c.want)
			}
		})
	}
}
