// Package sample is an order service to try the bot's tools with: a real HTTP server
// whose orders come from a file. It is for demonstrations and tests; it keeps what is
// cancelled in memory only and asks nobody who they are, so it listens on loopback.
package sample

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

//go:embed orders.json
var bundled []byte

// Order is one order.
type Order struct {
	Number   string   `json:"number"`
	Phone    string   `json:"phone"`
	Title    string   `json:"title"`
	Status   string   `json:"status"` // paid, shipped, delivered, cancelled
	ETA      string   `json:"eta"`    // a day
	Total    string   `json:"total"`
	Shipment Shipment `json:"shipment"`
}

// Shipment of an order; empty until it is sent.
type Shipment struct {
	Carrier  string `json:"carrier,omitempty"`
	Tracking string `json:"tracking,omitempty"`
}

// Orders serves them:
//
//	GET  /orders/{number}          the order; 404 when there is none
//	GET  /orders?phone=NUMBER      {"orders": [...]}
//	POST /orders/{number}/cancel   {"number", "result": "cancelled" | "too_late"}
type Orders struct {
	mu     sync.Mutex
	orders map[string]*Order
	list   []string
}

// New reads a JSON list of orders; nil for the bundled ones.
func New(doc []byte) (*Orders, error) {
	if doc == nil {
		doc = bundled
	}
	var all []*Order
	if err := json.Unmarshal(doc, &all); err != nil {
		return nil, fmt.Errorf("orders: %w", err)
	}
	o := &Orders{orders: make(map[string]*Order)}
	for _, x := range all {
		if x == nil || x.Number == "" {
			return nil, errors.New("orders: each needs a number")
		}
		key := strings.ToUpper(x.Number)
		if o.orders[key] != nil {
			return nil, fmt.Errorf("orders: %s stands twice", x.Number)
		}
		o.orders[key] = x
		o.list = append(o.list, key)
	}
	return o, nil
}

// Handler routes requests.
func (o *Orders) Handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /orders/{number}", func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if x := o.orders[strings.ToUpper(r.PathValue("number"))]; x != nil {
			answer(w, http.StatusOK, x)
			return
		}
		answer(w, http.StatusNotFound, map[string]string{"error": "no such order"})
	})
	m.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		phone := r.URL.Query().Get("phone")
		if phone == "" {
			answer(w, http.StatusBadRequest, map[string]string{"error": "phone is needed"})
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		found := []*Order{}
		for _, key := range o.list {
			if o.orders[key].Phone == phone {
				found = append(found, o.orders[key])
			}
		}
		answer(w, http.StatusOK, map[string]any{"orders": found})
	})
	m.HandleFunc("POST /orders/{number}/cancel", func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		x := o.orders[strings.ToUpper(r.PathValue("number"))]
		switch {
		case x == nil:
			answer(w, http.StatusNotFound, map[string]string{"error": "no such order"})
		case x.Status == "paid" || x.Status == "cancelled":
			x.Status = "cancelled"
			answer(w, http.StatusOK, map[string]string{"number": x.Number, "result": "cancelled"})
		default:
			answer(w, http.StatusOK, map[string]string{"number": x.Number, "result": "too_late"})
		}
	})
	return m
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client went away
}

// Tools are the declarations of this service for the bot, at an address such as "127.0.0.1:8090".
func Tools(addr string) map[string]string {
	return map[string]string{
		"order_lookup": `name: order_lookup
url: http://` + addr + `/orders/{{order}}
timeout: 2s
values:
  title: title
  status: status
  eta: eta
  carrier: shipment.carrier
  tracking: shipment.tracking
remember:
  tracking: tracking
words:
  status:
    paid: {zh: "已付款、待发货，预计 {{eta}} 送达", en: "is paid and waits to be sent; it should arrive on {{eta}}"}
    shipped: {zh: "已发货，预计 {{eta}} 送达", en: "is on its way; it should arrive on {{eta}}"}
    delivered: {zh: 已送达, en: was delivered}
    cancelled: {zh: 已取消, en: was cancelled}
`,
		"order_cancel": `name: order_cancel
method: POST
url: http://` + addr + `/orders/{{order}}/cancel
timeout: 2s
values:
  result: result
words:
  result:
    cancelled: {zh: 已取消，款项会原路退回, en: "is cancelled, the money goes back the way it came"}
    too_late: {zh: 已经发出，不能取消了，收到后可以退货, en: "was sent already and cannot be cancelled; you can return it"}
`,
	}
}
