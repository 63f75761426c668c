{{/* Labels that every object gets. */}}
{{- define "canvas-sync-monitor.labels" -}}
app.kubernetes.io/part-of: canvas-sync
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Puts an object of deploy/kubernetes into the release: its namespace, and our labels beside its own. */}}
{{- define "canvas-sync-monitor.place" -}}
{{- $metadata := .object.metadata }}
{{- $_ := set $metadata "namespace" .root.Release.Namespace }}
{{- $labels := include "canvas-sync-monitor.labels" .root | fromYaml }}
{{- $_ := set $metadata "labels" (merge (deepCopy (default dict .labels)) (default dict $metadata.labels) $labels) }}
{{- end }}
