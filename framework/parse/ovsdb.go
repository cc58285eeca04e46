package parse

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Row is one row of an OVSDB table by column. A value is a string, float64, bool, UUID, []any (set) or
// map[string]any; the accessors turn it into what the caller expects.
type Row map[string]any

// UUID is a reference to another row.
type UUID string

// ovsdbTable is a table as OVN's and Open vSwitch's tools print it.
type ovsdbTable struct {
	Headings []string            `json:"headings"`
	Data     [][]json.RawMessage `json:"data"`
}

// Table reads what ovn-nbctl, ovn-sbctl and ovs-vsctl print for `-f json list TABLE` (or `find`): the rows by
// column, in the notation of RFC 7047, section 5.1.
func Table(text string) ([]Row, error) {
	var t ovsdbTable
	if err := decode(text, &t); err != nil {
		return nil, fmt.Errorf("ovsdb table: %w", err)
	}
	return t.rows()
}

// Tables reads several of them that were printed one after another, and wants so many.
func Tables(text string, want int) ([][]Row, error) {
	tables := make([][]Row, 0, want)
	for dec := json.NewDecoder(strings.NewReader(text)); ; {
		var t ovsdbTable
		err := dec.Decode(&t)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("ovsdb table %d: %w in %q", len(tables)+1, err, clip(text))
		}
		rows, err := t.rows()
		if err != nil {
			return nil, fmt.Errorf("table %d: %w", len(tables)+1, err)
		}
		tables = append(tables, rows)
	}
	if len(tables) != want {
		return nil, fmt.Errorf("ovsdb tables: there are %d, want %d", len(tables), want)
	}
	return tables, nil
}

func (t ovsdbTable) rows() ([]Row, error) {
	if len(t.Headings) == 0 {
		return nil, errors.New("ovsdb table: no headings")
	}
	rows := make([]Row, 0, len(t.Data))
	for i, cells := range t.Data {
		if len(cells) != len(t.Headings) {
			return nil, fmt.Errorf("ovsdb table: row %d has %d cells for %d headings", i+1, len(cells), len(t.Headings))
		}
		row := make(Row, len(cells))
		for j, c := range cells {
			v, err := ovsdbValue(c)
			if err != nil {
				return nil, fmt.Errorf("ovsdb table: row %d, column %s: %w", i+1, t.Headings[j], err)
			}
			row[t.Headings[j]] = v
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func ovsdbValue(raw json.RawMessage) (any, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	return ovsdbTyped(v)
}

func ovsdbTyped(v any) (any, error) {
	pair, ok := v.([]any)
	if !ok {
		switch v.(type) {
		case string, float64, bool:
			return v, nil
		}
		return nil, fmt.Errorf("%v is no OVSDB value", v)
	}
	if len(pair) != 2 {
		return nil, fmt.Errorf("%v is no OVSDB value", v)
	}
	switch pair[0] {
	case "uuid", "named-uuid":
		if s, ok := pair[1].(string); ok {
			return UUID(s), nil
		}
	case "set":
		list, ok := pair[1].([]any)
		if !ok {
			break
		}
		set := make([]any, 0, len(list))
		for _, e := range list {
			t, err := ovsdbTyped(e)
			if err != nil {
				return nil, err
			}
			set = append(set, t)
		}
		return set, nil
	case "map":
		list, ok := pair[1].([]any)
		if !ok {
			break
		}
		m := make(map[string]any, len(list))
		for _, e := range list {
			kv, ok := e.([]any)
			if !ok || len(kv) != 2 {
				return nil, fmt.Errorf("%v is no pair of an OVSDB map", e)
			}
			k, err := ovsdbTyped(kv[0])
			if err != nil {
				return nil, err
			}
			if m[ovsdbText(k)], err = ovsdbTyped(kv[1]); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	return nil, fmt.Errorf("%v is no OVSDB value", v)
}

func ovsdbText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case UUID:
		return string(v)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// Text is the column as text: a string, number, boolean or UUID, or the only element of a set of one.
// It is empty for an empty set, for a set of several, for a map and for a column that is not there.
func (r Row) Text(column string) string {
	if set, ok := r[column].([]any); ok {
		if len(set) != 1 {
			return ""
		}
		return ovsdbText(set[0])
	}
	return ovsdbText(r[column])
}

// Texts is the column as a list: a set's elements in the printed order; a lone value is a set of one, as OVSDB
// has it. It is nil for a map and for a column that is not there.
func (r Row) Texts(column string) []string {
	set, ok := r[column].([]any)
	if !ok {
		switch r[column].(type) {
		case nil, map[string]any:
			return nil
		}
		return []string{ovsdbText(r[column])}
	}
	list := make([]string, 0, len(set))
	for _, e := range set {
		list = append(list, ovsdbText(e))
	}
	return list
}

// Map is a map column; it is never nil.
func (r Row) Map(column string) map[string]string {
	m := map[string]string{}
	pairs, _ := r[column].(map[string]any)
	for k, v := range pairs {
		m[k] = ovsdbText(v)
	}
	return m
}

// Bool is a boolean column; an empty set (an optional boolean that nobody set) is false.
func (r Row) Bool(column string) bool { return r.Text(column) == "true" }

// Int is an integer column and whether it holds one.
func (r Row) Int(column string) (int, bool) {
	n, err := strconv.Atoi(r.Text(column))
	return n, err == nil
}

// UUID is the row's own identity.
func (r Row) UUID() string { return r.Text("_uuid") }
