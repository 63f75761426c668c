{{/* Changes the Deployment where a value says so. */}}
{{- define "canvas-sync-monitor.deployment" -}}
{{- $values := .root.Values }}
{{- $template := .object.spec.template }}
{{- $pod := $template.spec }}

{{- $labels := merge (deepCopy $template.metadata.labels) $values.podLabels }}
{{- /* A change of the configuration file starts the exporter anew. */}}
{{- $checksum := dict "checksum/configuration" ($values.configuration | sha256sum) }}
{{- $_ := set $template "metadata" (dict "labels" $labels "annotations" (merge $checksum $values.podAnnotations)) }}

{{- $settings := list }}
{{- range $name, $value := $values.settings }}
{{- $settings = append $settings (dict "name" $name "value" ($value | toString)) }}
{{- end }}
{{- $image := printf "%s:%s" $values.image.repository (default .root.Chart.AppVersion $values.image.tag) }}
{{- range concat $pod.initContainers $pod.containers }}
{{- $container := . }}
{{- $kept := list }}
{{- range .env }}
{{- if not (hasKey $values.settings .name) }}{{ $kept = append $kept . }}{{ end }}
{{- end }}
{{- $_ := set $container "env" (concat $kept $settings) }}
{{- $_ := set $container "image" $image }}
{{- $_ := set $container "imagePullPolicy" $values.image.pullPolicy }}
{{- $_ := set $container "resources" $values.resources }}
{{- end }}

{{- range $pod.volumes }}
{{- if eq .name "secrets" }}{{ $_ := set .secret "secretName" $values.secrets.exporter }}{{ end }}
{{- if and (eq .name "data") $values.persistence.existingClaim }}
{{- $_ := set .persistentVolumeClaim "claimName" $values.persistence.existingClaim }}
{{- end }}
{{- end }}

{{- with $values.image.pullSecrets }}{{ $_ := set $pod "imagePullSecrets" . }}{{ end }}
{{- range $name := list "nodeSelector" "tolerations" "affinity" }}
{{- with index $values $name }}{{ $_ := set $pod $name . }}{{ end }}
{{- end }}
{{- end }}
