package models

import "reflect"

// OpFields returns the JSON fields of every op, without those of its names.
func OpFields() map[string][]string {
	all := map[string][]string{}
	for op, create := range ops {
		known, naming := map[string]target{}, map[string]target{}
		targets(reflect.ValueOf(create(op)).Elem(), known)
		targets(reflect.ValueOf(new(names)).Elem(), naming)
		all[op] = nil
		for _, f := range sortedKeys(known) {
			if _, ok := naming[f]; !ok {
				all[op] = append(all[op], f)
			}
		}
	}
	return all
}
