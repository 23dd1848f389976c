package main

import (
	"context"
	"strings"
	"time"

	"tingxin/api"
	"tingxin/event"
	"tingxin/node"
	"tingxin/sip"
)

// nodePrefix begins the names that other servers of the cluster have as users; a
// colon is in no user's name.
const nodePrefix = "node:"

// nodeToken is how long a server may use what it shows another one.
const nodeToken = 30 * time.Second

// nodes are the other servers as signalling asks for them. A nil one has none.
type nodes struct {
	*node.Registry
	name   string
	tokens *sip.Tokens
}

var (
	_ sip.Nodes        = (*nodes)(nil)
	_ sip.BindingStore = (*nodes)(nil)
)

// Elsewhere implements sip.Nodes.
func (n *nodes) Elsewhere(ctx context.Context, user string) []sip.Elsewhere {
	peers, err := n.Where(ctx, user)
	if err != nil {
		return nil // the user's telephones here still ring
	}
	out := make([]sip.Elsewhere, len(peers))
	for i, p := range peers {
		out[i] = sip.Elsewhere{Name: p.Name, URI: p.SIP, Token: n.tokens.Issue(nodePrefix+n.name, time.Now(), nodeToken)}
	}
	return out
}

// SaveBinding implements sip.BindingStore.
func (n *nodes) SaveBinding(b sip.Binding) {
	n.Save(node.Registration{User: b.User, Device: device(b), Transport: b.Transport, UserAgent: b.UserAgent, Expires: b.Expires})
}

// RemoveBinding implements sip.BindingStore.
func (n *nodes) RemoveBinding(b sip.Binding) { n.Remove(b.User, device(b)) }

func device(b sip.Binding) string {
	if b.Instance != "" {
		return b.Instance
	}
	return b.Contact
}

// user is another server as a user, which its token proves.
func (n *nodes) user(name string) (sip.User, bool) {
	peer, ok := strings.CutPrefix(name, nodePrefix)
	if n == nil || !ok {
		return sip.User{}, false
	}
	_, known := n.Peers()[peer]
	return sip.User{Name: name, Node: true}, known
}

// startNodes joins the servers of the same database, if there may be some.
func (s *server) startNodes(ctx context.Context) (func() error, error) {
	if !s.cfg.Cluster.On() {
		return nil, nil
	}
	name := s.cfg.Call.WithDefaults().Node
	r, err := node.New(s.cfg.Cluster, name, s.db, s.log)
	if err != nil {
		return nil, err
	}
	if err := r.Start(ctx); err != nil {
		return nil, err
	}
	s.nodes = &nodes{r, name, s.phones.tokens}
	s.phones.nodes = s.nodes
	return r.Close, nil
}

// newBus makes the bus; the numbers of a cluster's events follow the clock, so that
// those of several servers can be told apart by age.
func (c Config) newBus() *event.Bus {
	if c.Cluster.On() {
		return event.NewSharedBus()
	}
	return event.NewBus()
}

// others are the other servers as the API asks for them.
type others struct{ *nodes }

var _ api.Nodes = others{}

// Web implements api.Nodes.
func (o others) Web() map[string]string {
	out := map[string]string{}
	for name, p := range o.Peers() {
		if p.Web != "" {
			out[name] = p.Web
		}
	}
	return out
}
