"""The style sheet of the report: one column, light and dark, from a phone to a desk, and on paper."""

from components.evaluation.plots.colours import DARK, LIGHT, style_sheet, variables

SHEET = (
    f""":root{{color-scheme:light dark;{variables(LIGHT)};--card:#fff;--good:#1d7a4c;--bad:#b3323f;--cool:#2563c4}}
@media (prefers-color-scheme:dark){{:root{{{variables(DARK)};--card:#1d1e22;--good:#63c794;--bad:#f08a92;--cool:#79aaf7}}}}
{style_sheet()}"""
    + """
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1010px;margin:0 auto;padding:0 25px 80px}
h1,h2,.big{font-family:"Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua",Georgia,serif;font-weight:600;
letter-spacing:-.01em;line-height:1.15}
h1{font-size:clamp(1.9rem,5vw,2.9rem);margin:.3rem 0 1rem;max-width:22ch}
h2{font-size:clamp(1.35rem,3.4vw,1.75rem);margin:4.2rem 0 .4rem;padding-top:1.2rem;border-top:1px solid var(--rule)}
h3{font-size:1.05rem;margin:2rem 0 .5rem;font-weight:650}
h4{font-size:.95rem;margin:0 0 .1rem;font-weight:600}
p{margin:.5rem 0 1rem;max-width:72ch}
.lead{font-size:1.12rem;max-width:62ch}
.soft-text,figcaption,.hint{color:var(--soft)}
.eyebrow{color:var(--soft);font-size:.85rem;letter-spacing:.06em;text-transform:uppercase;margin:3.2rem 0 0}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:1.6rem 0 0;font-size:.92rem}
a{color:var(--cool);text-decoration-thickness:1px;text-underline-offset:.18em}
.chips{display:flex;flex-wrap:wrap;gap:.5rem;margin:1.1rem 0;padding:0;list-style:none}
.chips li{border:1px solid var(--rule);border-radius:99px;padding:.18rem .8rem;font-size:.88rem;background:var(--card)}
.chips .good{color:var(--good);border-color:currentColor}.chips .bad{color:var(--bad);border-color:currentColor}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:1rem;margin:2rem 0 0}
.card{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:1.3rem 1.4rem}
.card p{margin:.3rem 0 0}
.big{font-size:3rem;margin:.4rem 0 .2rem}.big small{font-size:1.4rem;color:var(--soft);font-weight:400;margin-left:.1em}
figure{margin:1rem 0 1.6rem}figcaption{font-size:.93rem;max-width:72ch;margin-top:.6rem}
svg{display:block;width:100%;height:auto;font-family:inherit;overflow:visible}
svg .figure,td,.number{font-variant-numeric:tabular-nums}
.phone{display:none}
@media (max-width:760px){main{padding:0 18px 60px}.desk{display:none}.phone{display:block;max-width:520px;margin:0 auto}
h2{margin-top:3rem}}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.3rem;margin:.6rem 0;padding:0;list-style:none;font-size:.9rem;color:var(--soft)}
.legend li{display:flex;align-items:center;gap:.45rem}.legend svg{width:18px;height:14px;flex:none}.legend svg.long{width:26px}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,270px),1fr));gap:1.1rem 1.4rem;margin:.8rem 0}
.panels.large{grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:1.4rem}
.panels.small{grid-template-columns:repeat(auto-fill,minmax(min(45%,190px),1fr))}.panels p{margin:.3rem 0 0;font-size:.88rem}
.contrasts{display:grid;gap:1rem;margin:1.2rem 0}
.contrast{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:1.1rem 1.4rem}
.contrast header{display:flex;justify-content:space-between;gap:1rem;align-items:flex-start;margin-bottom:.6rem}
.contrast h3,.contrast p{margin:0}.contrast p small{color:var(--soft)}
.verdict{border:1.5px solid var(--soft);color:var(--soft);border-radius:99px;padding:.1rem .8rem;white-space:nowrap}
.verdict.good{border-color:var(--good);color:var(--good)}.verdict.bad{border-color:var(--bad);color:var(--bad)}
.verdict.even{border-color:var(--cool);color:var(--cool)}
.contrast dl{display:flex;flex-wrap:wrap;gap:.4rem 1.6rem;margin:.6rem 0 0;font-size:.88rem}
.contrast dt{color:var(--soft);font-size:.8rem}.contrast dd{margin:0;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;margin:1rem 0;border:1px solid var(--rule);border-radius:10px;background:var(--card)}
.scroll:focus-visible{outline:2px solid var(--cool)}
table{border-collapse:separate;border-spacing:0;width:100%;font-size:.9rem}
caption{text-align:left;padding:.8rem .9rem .2rem;color:var(--soft)}
th,td{padding:.5rem .9rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}
.wraps td,.wraps thead th{white-space:normal;text-align:left;vertical-align:top;min-width:7em}
.wraps td.long{min-width:15em}.wraps td.number{min-width:0}
.short table{width:auto}.short td,.short thead th:not(:first-child){text-align:center}
.wraps tbody th{vertical-align:top}
td.yes small,td.no small{color:inherit}td.gap{color:var(--soft);font-style:italic}
td.yes,td.no{text-align:center}
thead th{font-weight:600;color:var(--soft);font-size:.84rem;vertical-align:bottom}
tbody tr:last-child>*{border-bottom:0}
tbody th{text-align:left;font-weight:500;position:sticky;left:0;background:var(--card)}
thead th:first-child{text-align:left;position:sticky;left:0;background:var(--card)}
tbody th small,td small{display:block;color:var(--soft);font-weight:400;font-size:.8rem}
td.tint{background:color-mix(in srgb,var(--cool) calc(var(--share)*26%),transparent)}
tr.chosen th{font-weight:700}
.examples{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,270px),1fr));gap:1rem;margin:1rem 0}
.example{background:var(--card);border:1px solid var(--rule);border-radius:12px;overflow:hidden;display:flex;flex-direction:column}
.pictures{display:flex;background:#ecebe6;justify-content:center;gap:2px}
.pictures img{width:100%;min-width:0;height:190px;object-fit:contain}.pictures img.pixels{image-rendering:pixelated}
.example .words{padding:.8rem 1rem 1rem;font-size:.9rem}.example .asked{margin:0 0 .25rem;font-size:1rem;line-height:1.35}
.example p{margin:.1rem 0 .5rem}.example ul{list-style:none;margin:0;padding:0}
.example li{display:grid;grid-template-columns:1.2em minmax(0,1fr) auto;gap:.3em;border-top:1px solid var(--rule);padding:.24rem 0}
.example li:not(.on){display:none}.everyone .example li{display:grid}.everyone .example li.on{font-weight:650}
[hidden]{display:none!important}
.choose{display:flex;flex-wrap:wrap;gap:.5rem .9rem;align-items:center;max-width:none}.choose label{max-width:100%}
select,button{font:inherit;font-size:.95rem;color:inherit;background:var(--card);border:1px solid var(--faint);border-radius:8px;
padding:.25rem .6rem;max-width:100%}button{cursor:pointer}
.example li b{font-weight:600;text-align:right}.example li span{overflow-wrap:anywhere}
.yes{color:var(--good)}.no{color:var(--bad)}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
details{border:1px solid var(--rule);border-radius:10px;padding:.7rem 1.1rem;background:var(--card);margin:1rem 0}
summary{cursor:pointer;font-weight:600}footer{margin-top:4rem;color:var(--soft);font-size:.9rem}
@media print{nav,.choose{display:none}.example,figure,.scroll{break-inside:avoid}}
"""
)
